"""Who comes in: a session of a person with a role, and a CSRF token for whatever changes a thing."""

from typing import Any

from django.http import HttpRequest
from ninja.security import SessionAuth

from collector.core.models import STAFF, Role, User

CHANGING = (Role.TECHNICIAN, Role.MANAGER)
MANAGING = (Role.MANAGER,)


class Forbidden(Exception):
    """Signed in, but the role does not allow it."""

    def __init__(self, needed: tuple[Role, ...]) -> None:
        super().__init__(f"This needs the role {' or '.join(needed)}. A manager can grant it.")


class SignedIn(SessionAuth):
    """`roles`: any of these; none named: every role."""

    def __init__(self, *roles: Role) -> None:
        super().__init__(csrf=True)
        self.roles = roles

    def authenticate(self, request: HttpRequest, key: str | None) -> Any | None:
        user = super().authenticate(request, key)
        if isinstance(user, User) and self.roles and user.role not in self.roles:
            raise Forbidden(self.roles)
        return user


anyone = SignedIn(*STAFF)
worker = SignedIn(*CHANGING)
manager = SignedIn(Role.MANAGER)
