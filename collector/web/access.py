"""Who may see and who may act: the only place where a view asks for a role. Every view goes through one of these, also
one that is open to all; a test walks every address and fails where one does not."""

from collections.abc import Callable
from functools import update_wrapper
from typing import Concatenate, ParamSpec, TypeVar, cast

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse

from collector.core.models import User
from collector.inventory.models import ContactPerson
from collector.requests import tenancy

P = ParamSpec("P")
F = TypeVar("F", bound=Callable[..., object])
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]
PortalView = Callable[Concatenate[HttpRequest, ContactPerson, P], HttpResponseBase]
OPEN, STAFF, WORKERS, MANAGERS, CUSTOMERS = "open", "staff", "workers", "managers", "customers"
"""What `allowed` of a guarded view says."""


def user_of(request: HttpRequest) -> User:
    """The signed-in person; the decorators below have made sure that there is one."""
    return cast(User, request.user)


def _asked_to_sign_in(request: HttpRequest, page: str) -> HttpResponseBase:
    if request.headers.get("HX-Request"):
        return HttpResponse(status=401)
    return redirect_to_login(request.get_full_path(), reverse(page))


def _guard(view: View[P], name: str, allowed: Callable[[User], bool]) -> View[P]:
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return _asked_to_sign_in(request, "web:sign-in")
        if not allowed(user_of(request)):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    update_wrapper(guarded, view)
    guarded.__dict__["allowed"] = name
    return guarded


def for_all(view: F) -> F:
    """Strangers, too: it shows nothing of anybody, or proves by itself who asks."""
    view.__dict__["allowed"] = OPEN
    return view


def by_itself(name: str) -> Callable[[F], F]:
    """For a view that no decorator fits, such as a stream: it asks itself who comes, and says here for whom it is."""

    def marked(view: F) -> F:
        view.__dict__["allowed"] = name
        return view

    return marked


def signed_in(view: View[P]) -> View[P]:
    """Anyone of the service company. A customer has the portal."""
    return _guard(view, STAFF, lambda user: user.is_of_staff)


def workers(view: View[P]) -> View[P]:
    """Technicians and managers: those who change incidents."""
    return _guard(view, WORKERS, lambda user: user.may_work)


def managers(view: View[P]) -> View[P]:
    return _guard(view, MANAGERS, lambda user: user.may_manage)


def customers(view: PortalView[P]) -> View[P]:
    """Contact persons of customers; the view gets the person, and asks `requests.tenancy` what that one may see."""

    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return _asked_to_sign_in(request, "web:portal-sign-in")
        contact = tenancy.contact_of(request.user)
        if contact is None:
            raise PermissionDenied
        return view(request, contact, *args, **kwargs)

    update_wrapper(guarded, view)
    guarded.__dict__["allowed"] = CUSTOMERS
    return guarded
