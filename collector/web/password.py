"""Names and passwords, with a limit on wrong ones: per address and name together, so that nobody can shut out
a colleague from elsewhere, and per address over all names. Counted in this process."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from collector.core.brake import Brake
from collector.core.models import User

NAME_FAILURES, ADDRESS_FAILURES, WINDOW_S = 5, 50, 600.0

_names = Brake(NAME_FAILURES, WINDOW_S)
_addresses = Brake(ADDRESS_FAILURES, WINDOW_S)


def wait_s(request: HttpRequest, name: str) -> int:
    """Seconds until another try counts; 0 for at once. Until then the right password is refused, too."""
    return max(_names.wait_s(_pair(request, name)), _addresses.wait_s(_address(request)))


class Backend(ModelBackend):
    """What Django asks for every password, from the page and from the API."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **more: Any,
    ) -> User | None:
        name = username or ""
        if request and wait_s(request, name):
            raise PermissionDenied
        found = super().authenticate(request, username, password, **more)
        if request and isinstance(found, User):
            _names.forget(_pair(request, name))
        elif request:
            _names.failed(_pair(request, name))
            _addresses.failed(_address(request))
        return found if isinstance(found, User) else None


def forget() -> None:
    """Let everybody try anew."""
    for brake in (_names, _addresses):
        brake.clear()


def _pair(request: HttpRequest, name: str) -> tuple[str, str]:
    return _address(request), name.casefold()[:150]


def _address(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR", ""))
