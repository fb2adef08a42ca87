"""Who may see and who may act: the only place where a view asks for a role."""

from collections.abc import Callable
from functools import update_wrapper
from typing import Concatenate, ParamSpec, cast

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from collector.core.models import User

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def user_of(request: HttpRequest) -> User:
    """The signed-in person; the decorators below have made sure that there is one."""
    return cast(User, request.user)


def _guard(view: View[P], allowed: Callable[[User], bool]) -> View[P]:
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.user.is_authenticated:
            if request.headers.get("HX-Request"):
                return HttpResponse(status=401)
            return redirect_to_login(request.get_full_path())
        if not allowed(user_of(request)):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    update_wrapper(guarded, view)
    return guarded


def signed_in(view: View[P]) -> View[P]:
    """Anyone of the service company. A customer has the portal."""
    return _guard(view, lambda user: user.is_of_staff)


def workers(view: View[P]) -> View[P]:
    """Technicians and managers: those who change incidents."""
    return _guard(view, lambda user: user.may_work)


def managers(view: View[P]) -> View[P]:
    return _guard(view, lambda user: user.may_manage)
