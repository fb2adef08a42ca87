"""Signing in and out over the API, who I am, and whether the collector is well."""

from typing import Literal

from django.contrib.auth import authenticate, login, logout
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from ninja import Router, Schema, Status

from collector.core import clock
from collector.core.models import User
from collector.web import password
from collector.web.access import user_of
from collector.web.api import door
from collector.web.api.problem import problem

router = Router(tags=["session"])


class Credentials(Schema):
    username: str
    password: str


class PersonOut(Schema):
    id: int
    username: str
    name: str
    role: Literal["manager", "technician", "reader"]
    language: Literal["lv", "en", "ru"]
    active: bool


class SessionOut(Schema):
    person: PersonOut
    csrf_token: str


class HealthOut(Schema):
    status: Literal["ok"]
    database: str
    server_time: str


def person_out(user: User) -> PersonOut:
    return PersonOut.model_validate(
        {
            "id": user.pk,
            "username": user.get_username(),
            "name": user.get_full_name() or user.get_username(),
            "role": user.role,
            "language": user.language,
            "active": user.is_active,
        }
    )


@router.post("/session", auth=None, response=SessionOut)
def sign_in(request: HttpRequest, credentials: Credentials) -> SessionOut | HttpResponse:
    """Opens a session (cookie). Whatever changes something needs the header X-CSRFToken with `csrf_token`."""
    if (
        request.content_type != "application/json"
    ):  # which no foreign page may send: nobody is signed in unasked
        return problem(415, "api.content_type", "Send the name and the password as application/json")
    if wait_s := password.wait_s(request, credentials.username):
        return _too_many(wait_s)
    user = authenticate(request, username=credentials.username, password=credentials.password)
    if not isinstance(user, User):
        return problem(401, "api.wrong_password", "The name or the password is not right")
    login(request, user)
    return SessionOut(person=person_out(user), csrf_token=get_token(request))


def _too_many(wait_s: int) -> HttpResponse:
    detail = f"Try again in {wait_s} s; a manager can set a new password meanwhile."
    answer = problem(429, "api.too_many", "Too many wrong passwords from this address", detail)
    answer.headers["Retry-After"] = str(wait_s)
    return answer


@router.get("/session", auth=door.anyone, response=SessionOut)
def who_am_i(request: HttpRequest) -> SessionOut:
    return SessionOut(person=person_out(user_of(request)), csrf_token=get_token(request))


@router.delete("/session", auth=door.anyone, response={204: None})
def sign_out(request: HttpRequest) -> Status[None]:
    logout(request)
    return Status(204, None)


@router.get("/health", auth=None, response=HealthOut)
def health(request: HttpRequest) -> HealthOut:
    """200 when the process answers and the database does, too."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()
    return HealthOut(status="ok", database=connection.vendor, server_time=clock.now().isoformat())
