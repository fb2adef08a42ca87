"""Walks every address of the resolver and every operation of the API, and says for whom each is."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from django.urls import URLPattern, URLResolver, get_resolver
from ninja import Router
from ninja.constants import NOT_SET
from ninja.operation import Operation as NinjaOperation

from collector.core.models import STAFF
from collector.web import access
from collector.web.api.door import SignedIn
from collector.web.api.root import api

V1 = "api/v1/"
GENERATED = {"openapi-json", "api-root"}
"""Pages of the API itself: which operations there are, and nothing of anybody."""
BY_ROLES = {
    frozenset(STAFF): access.STAFF,
    frozenset(("technician", "manager")): access.WORKERS,
    frozenset(("manager",)): access.MANAGERS,
}


@dataclass(frozen=True)
class Page:
    """`allowed`: as its view says; None where it does not."""

    route: str
    name: str
    allowed: str | None
    parameters: tuple[str, ...]
    view: Callable[..., object]


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    allowed: str | None


def pages(patterns: Iterable[URLPattern | URLResolver] | None = None, before: str = "") -> Iterator[Page]:
    for one in get_resolver().url_patterns if patterns is None else patterns:
        route = before + str(one.pattern)
        if isinstance(one, URLResolver):
            if route != V1:
                yield from pages(one.url_patterns, route)
        else:
            allowed = one.callback.__dict__.get("allowed")
            yield Page(route, one.name or "", allowed, tuple(one.pattern.converters), one.callback)


def operations() -> Iterator[Operation]:
    for prefix, router in api._routers:
        for path, view in router.path_operations.items():
            for one in view.operations:
                for method in one.methods:
                    whole = "/".join(part.strip("/") for part in (prefix, path) if part.strip("/"))
                    yield Operation(method, V1 + whole, _allowed(_doors(one, router)))


def _doors(one: NinjaOperation, router: Router) -> list[object]:
    """Its own, or those of its router where it names none; `auth=None` names that there is none."""
    given = router.auth if one.auth_param is NOT_SET else one.auth_param
    if given is None or given is NOT_SET:
        return []
    return list(given) if isinstance(given, list | tuple) else [given]


def _allowed(doors: Iterable[object]) -> str | None:
    found = list(doors)
    if not found:
        return access.OPEN
    roles = frozenset(str(role) for one in found if isinstance(one, SignedIn) for role in one.roles)
    return BY_ROLES.get(roles)


def extra_api_names() -> set[str]:
    """Addresses under the API that are no operation."""
    return {one.name or "" for one in api.urls[0] if isinstance(one, URLPattern)} & GENERATED
