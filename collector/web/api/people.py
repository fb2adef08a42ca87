"""People and roles, for managers."""

from typing import Annotated, Literal

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Field, Query, Router, Schema, Status

from collector.core.models import User
from collector.web.access import user_of
from collector.web.api import door
from collector.web.api.paging import Slice, cut
from collector.web.api.problem import problem
from collector.web.api.session import PersonOut, person_out

router = Router(tags=["people"], auth=door.manager)


class PeopleOut(Schema):
    count: int
    items: list[PersonOut]


class PersonIn(Schema):
    username: Annotated[str, Field(min_length=1, max_length=150, pattern=r"^[\w.@+-]+$")]
    password: str
    role: Literal["manager", "technician", "reader"]
    language: Literal["lv", "en", "ru"] = "lv"
    first_name: Annotated[str, Field(max_length=150)] = ""
    last_name: Annotated[str, Field(max_length=150)] = ""


class PersonChange(Schema):
    role: Literal["manager", "technician", "reader"] | None = None
    active: bool | None = None


@router.get("", response=PeopleOut)
def list_people(request: HttpRequest, query: Query[Slice]) -> PeopleOut:
    count, rows = cut(User.objects.order_by("username"), query)
    return PeopleOut(count=count, items=[person_out(row) for row in rows])


@router.post("", response={201: PersonOut})
def add_person(request: HttpRequest, body: PersonIn) -> Status[PersonOut] | HttpResponse:
    if User.objects.filter(username=body.username).exists():
        return problem(409, "people.name_taken", "This user name is taken")
    person = User(**body.dict(exclude={"password"}))
    try:
        validate_password(body.password, person)
    except ValidationError as e:
        return problem(422, "people.password_weak", "The password is too weak", " ".join(e.messages))
    person.set_password(body.password)
    person.save()
    return Status(201, person_out(person))


@router.patch("/{int:pk}", response=PersonOut)
def change_person(request: HttpRequest, pk: int, body: PersonChange) -> PersonOut | HttpResponse:
    """Another role, or the account shut or opened. Never one's own."""
    person = get_object_or_404(User, pk=pk)
    if person == user_of(request):
        return problem(409, "people.own_account", "Nobody changes the own role or account")
    person.role = body.role or person.role
    person.is_active = person.is_active if body.active is None else body.active
    person.save(update_fields=["role", "is_active"])
    return person_out(person)
