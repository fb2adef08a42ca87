"""The wished configuration of customers, shops and tills: read, try out, write a new version."""

from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Field, Router, Schema, Status

from collector.core import clock
from collector.inventory import desired, desired_state
from collector.inventory.desired_state import Place
from collector.web.access import user_of
from collector.web.api import door
from collector.web.api.problem import problem
from collector.web.reading import configuration as reading

router = Router(tags=["configuration"], auth=door.anyone)
Level = Literal["customer", "site", "terminal"]
HISTORY = 200


class SettingOut(Schema):
    key: str
    value: Any
    level: Level


class TillOut(Schema):
    """`state`: none, waiting, applied, differs, local or refused. `number` is wished, by `holds` the till runs."""

    terminal: str
    name: str
    site: str
    state: str
    number: int = 0
    holds: int = 0
    told_at: datetime | None = None
    code: str = ""
    key: str = ""
    error: str = ""
    differs: list[dict[str, str]] = []


class VersionOut(Schema):
    number: int
    text: str
    author: str
    at: datetime
    comment: str


class ConfigurationOut(Schema):
    """`version` is the number of the newest, 0 where there is none; `settings` is what follows from all levels."""

    level: Level
    id: str
    version: int
    text: str
    settings: list[SettingOut]
    tills: list[TillOut]
    versions: list[VersionOut]


class TextIn(Schema):
    text: Annotated[str, Field(max_length=desired.LEVEL_BYTES)]


class VersionIn(TextIn):
    """`base`: the number of the version that the writer saw."""

    base: Annotated[int, Field(ge=0, le=2_000_000_000)]
    comment: Annotated[str, Field(max_length=300)] = ""


class ChangeOut(Schema):
    """null: not set."""

    key: str
    before: Any = None
    after: Any = None


class EffectOut(Schema):
    terminal: str
    changes: list[ChangeOut]


@router.get("/{level}/{pk}", response=ConfigurationOut)
def show(request: HttpRequest, level: Level, pk: str) -> ConfigurationOut:
    place = reading.place_of(level, pk)
    versions = list(desired_state.versions(place)[:HISTORY])
    settings = desired.settings(reading.levels_of(place))
    return ConfigurationOut(
        level=level,
        id=pk,
        version=versions[0].number if versions else 0,
        text=versions[0].text if versions else "",
        settings=[SettingOut(key=one.key, value=one.value, level=one.level.value) for one in settings],
        tills=[_till(one) for one in reading.progress(place)],
        versions=[VersionOut.from_orm(version) for version in versions],
    )


@router.post("/{level}/{pk}/preview", response=list[EffectOut])
def preview(request: HttpRequest, level: Level, pk: str, body: TextIn) -> list[EffectOut] | HttpResponse:
    """What the text would change, for each till in which anything would. Nothing is saved."""
    place = _for_writing(request, level, pk)
    try:
        found = desired_state.preview(place, body.text)
    except desired.Wrong as e:
        return _wrong(e)
    return [
        EffectOut(
            terminal=one.terminal.pk,
            changes=[ChangeOut(key=c.key, before=c.before, after=c.after) for c in one.changes],
        )
        for one in found
    ]


@router.post("/{level}/{pk}", response={201: VersionOut})
def write(request: HttpRequest, level: Level, pk: str, body: VersionIn) -> Status[VersionOut] | HttpResponse:
    """A new version. 409 `configuration.changed` where `base` is not the newest, `configuration.same` where the text is
    that of the newest; 422 `configuration.wrong` where it is no configuration."""
    place = _for_writing(request, level, pk)
    author = user_of(request).get_username()
    try:
        made = desired_state.save(
            place, body.text, author=author, comment=body.comment, base=body.base, now=clock.now()
        )
    except desired.Wrong as e:
        return _wrong(e)
    return Status(201, VersionOut.from_orm(made))


def _for_writing(request: HttpRequest, level: str, pk: str) -> Place:
    """Forbidden where the role does not allow it at this level."""
    place = reading.place_of(level, pk)
    if not reading.may_write(user_of(request), place):
        raise door.Forbidden(door.CHANGING if level == "terminal" else door.MANAGING)
    return place


def _wrong(e: desired.Wrong) -> HttpResponse:
    said = "; ".join(f"{one.key}: {reading.sentence(one)}".removeprefix(": ") for one in e.mistakes)
    return problem(422, e.code, "This is no configuration for a till", said)


def _till(one: reading.Progress) -> TillOut:
    known = one.row
    out = TillOut(
        terminal=one.terminal.pk, name=one.terminal.name, site=one.terminal.site.name, state=one.state
    )
    if known is None:
        return out
    said = ("number", "holds", "told_at", "code", "key", "error", "differs")
    return out.model_copy(update={name: getattr(known, name) for name in said})
