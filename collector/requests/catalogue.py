"""The catalogue as data: what can be asked for, which fields must be filled, who must agree, and the steps of the
work. Shipped in `types/*.toml`; a manager's newer version of a type stands in for the shipped one."""

import tomllib
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal

from django.db import transaction
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from collector.core.models import User
from collector.requests.models import TypeVersion
from protocols.errors import PlombaError

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Said = Annotated[str, Field(min_length=1, max_length=300)]
SHIPPED = ("technical", "helpdesk", "administration")
"""Files of the package, in the order in which people see them."""
ANSWER = 4000


class CatalogueWrong(PlombaError):
    """A type that somebody wrote cannot be used; the text says where and why."""

    code = "catalogue.invalid"


class AnswersWrong(PlombaError):
    """`fields`: name of the field -> missing, choice, number or date."""

    code = "request.answers"

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__("these fields are not right: " + ", ".join(sorted(fields)))
        self.fields = fields


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Words(Section):
    lv: Said
    en: Said
    ru: Said

    def say(self, language: str | None) -> str:
        return {"lv": self.lv, "ru": self.ru}.get(language or "en", self.en)


class Choice(Section):
    value: Name
    words: Words


class Asked(Section):
    """A field of the form."""

    name: Name
    label: Words
    hint: Words | None = None
    kind: Literal["line", "text", "choice", "date", "number"] = "line"
    required: bool = True
    choices: tuple[Choice, ...] = ()

    def fault(self, answer: str) -> str:
        """ "" where the answer will do."""
        if not answer:
            return "missing" if self.required else ""
        if self.kind == "choice" and answer not in {choice.value for choice in self.choices}:
            return "choice"
        if self.kind == "number" and not (answer.isascii() and answer.isdigit() and len(answer) < 10):
            return "number"
        if self.kind == "date" and not _is_date(answer):
            return "date"
        return "long" if len(answer) > ANSWER else ""

    def shown(self, answer: str, language: str | None) -> str:
        """The answer as a person reads it."""
        if self.kind == "date" and _is_date(answer):
            return date.fromisoformat(answer).strftime("%d.%m.%Y")
        said = {choice.value: choice.words for choice in self.choices}.get(answer)
        return said.say(language) if said else answer


class Approval(Section):
    """`by`: a contact person who may approve paid work, or a manager of the service company."""

    by: Literal["customer", "manager"]
    question: Words


class Step(Section):
    """`within_working_days`: of the legal calendar of the customer's country, with its `legal_basis`."""

    name: Name
    words: Words
    by: Literal["staff", "customer"] = "staff"
    within_working_days: Annotated[int, Field(ge=1, le=90)] | None = None
    legal_basis: str = ""


class RequestType(Section):
    """`place`: what it is about at least. `portal`: customers see it. `incident`: what worked no longer does."""

    key: Name
    title: Words
    summary: Words
    icon: str = "help"
    queue: Literal["helpdesk", "technical", "administration"]
    place: Literal["till", "shop", "customer"] = "customer"
    portal: bool = True
    incident: bool = False
    impact: Annotated[int, Field(ge=1, le=3)] = 2
    urgency: Annotated[int, Field(ge=1, le=4)] = 3
    fields: tuple[Asked, ...] = ()
    approvals: tuple[Approval, ...] = ()
    steps: tuple[Step, ...] = ()
    source: str = ""
    verified_on: date | None = None

    def check(self, answers: dict[str, str]) -> dict[str, str]:
        """The answers to its fields and to no others. AnswersWrong names every field that is not right."""
        given = {asked.name: str(answers.get(asked.name, "")).strip() for asked in self.fields}
        faults = {asked.name: asked.fault(given[asked.name]) for asked in self.fields}
        if wrong := {name: fault for name, fault in faults.items() if fault}:
            raise AnswersWrong(wrong)
        return {name: answer for name, answer in given.items() if answer}


def parse(text: str) -> RequestType:
    """One type from TOML. CatalogueWrong says where it is wrong."""
    try:
        return _whole(RequestType.model_validate(tomllib.loads(text)))
    except tomllib.TOMLDecodeError as e:
        raise CatalogueWrong(f"this is not TOML: {e}") from e
    except ValidationError as e:
        first = e.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise CatalogueWrong(f"{where}: {first['msg']}") from e


def _whole(found: RequestType) -> RequestType:
    for kind, names in (("fields", [a.name for a in found.fields]), ("steps", [s.name for s in found.steps])):
        if len(set(names)) < len(names):
            raise CatalogueWrong(f"{kind}: two have the same name")
    if bare := [asked.name for asked in found.fields if asked.kind == "choice" and not asked.choices]:
        raise CatalogueWrong(f"fields.{bare[0]}: a choice needs choices")
    return found


@cache
def _shipped() -> dict[str, tuple[RequestType, str]]:
    """Key -> the type and its own text, so that a manager begins with it."""
    found = {}
    for name in SHIPPED:
        whole = files("collector.requests").joinpath("types", f"{name}.toml").read_text("utf-8")
        for part in whole.split("\n#---\n")[1:]:
            one = parse(part)
            found[one.key] = (one, part.strip() + "\n")
    return found


def types() -> dict[str, RequestType]:
    """All, by key, in the order of the catalogue; those that a manager added come last."""
    found = {key: one for key, (one, _text) in _shipped().items()}
    newest: dict[str, str] = {}
    for key, text in TypeVersion.objects.order_by("number").values_list("key", "text"):
        newest[key] = text
    return found | {key: parse(text) for key, text in newest.items()}


def text_of(key: str) -> str:
    """The TOML of the type as it counts now; "" where there is none."""
    newest = TypeVersion.objects.filter(key=key).order_by("-number").first()
    return newest.text if newest else _shipped()[key][1] if key in _shipped() else ""


def versions(key: str) -> list[TypeVersion]:
    return list(TypeVersion.objects.filter(key=key).select_related("made_by").order_by("-number"))


@transaction.atomic
def save(text: str, by: User, comment: str, base: int, now: datetime) -> TypeVersion:
    """A new version. `base`: the newest that the writer has seen, 0 for the shipped one; CatalogueWrong where there
    is a newer one by now."""
    one = parse(text)
    newest = TypeVersion.objects.filter(key=one.key).order_by("-number").first()
    number = newest.number if newest else 0
    if number != base:
        raise CatalogueWrong("somebody else has saved another version meanwhile", code="catalogue.changed")
    return TypeVersion.objects.create(
        key=one.key, number=number + 1, text=text, comment=comment[:300], made_at=now, made_by=by
    )


def pinned(definition: object) -> RequestType:
    """The type as a request keeps it."""
    return RequestType.model_validate(definition)


def _is_date(answer: str) -> bool:
    try:
        date.fromisoformat(answer)
    except ValueError:
        return False
    return len(answer) == 10
