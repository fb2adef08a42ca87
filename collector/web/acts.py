"""What a person can do to an incident, by the name in addresses. The rules are in collector.incidents."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, Self
from zoneinfo import ZoneInfo

from django.http import Http404, QueryDict
from django.utils.translation import gettext as _

from collector.core.models import Role, User
from collector.incidents import actions, major, undoing, work
from collector.incidents.acting import ActionRefused
from collector.incidents.life import PENDING, State
from collector.incidents.work import Part
from protocols.errors import PlombaError


class File(Protocol):
    """What was handed in with a form."""

    @property
    def name(self) -> str | None: ...

    def chunks(self) -> Iterable[bytes]: ...


class NotAWorker(PlombaError):
    """The chosen person may not work on incidents."""

    code = "incident.not_allowed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What was said with an act; each act reads what it needs. `number`: of a person, an incident, a step or an entry,
    by the act. `wait`: a pending state."""

    note: str = ""
    code: str = ""
    public: bool = False
    number: int | None = None
    wait: str = ""
    until: datetime | None = None
    impact: int = 0
    urgency: int = 0
    minutes: int = 0
    billable: bool = False
    sort: str = ""
    back: bool = False
    part: Part | None = None
    files: tuple[File, ...] = ()

    @classmethod
    def of(cls, form: QueryDict, files: Iterable[File], zone: str) -> Self:
        """From a form; moments are on the wall clock of `zone`. Http404 for what no form of ours sends."""
        return cls(
            note=form.get("note", ""),
            code=form.get("code", "")[:40],
            public=form.get("public") == "1",
            number=_number(form, "number") or _number(form, "assignee"),
            wait=form.get("wait", ""),
            until=moment(form.get("until_at") or form.get("until", ""), zone),
            impact=_number(form, "impact") or 0,
            urgency=_number(form, "urgency") or 0,
            minutes=_number(form, "minutes") or 0,
            billable=form.get("billable") == "1",
            sort=form.get("sort", ""),
            back=form.get("back") == "1",
            part=_part(form) if form.get("part") else None,
            files=tuple(files),
        )


def moment(text: str, zone: str) -> datetime | None:
    """What a form says of a moment, with or without an offset; None for what is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)


def _number(form: QueryDict, name: str) -> int | None:
    text = form.get(name, "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else None


def _part(form: QueryDict) -> Part:
    return Part(
        name=form.get("part", ""),
        quantity=_number(form, "quantity") or 1,
        serial_out=form.get("serial_out", ""),
        serial_in=form.get("serial_in", ""),
        billable=form.get("billable") == "1",
    )


def act(by: User, pk: int, name: str, told: Told | None = None) -> None:
    """Http404 for an act that does not exist; PlombaError where the incident does not allow it now."""
    if name not in ACTS:
        raise Http404
    ACTS[name](pk, by, told or Told())


def _assign(pk: int, by: User, told: Told) -> object:
    found = User.objects.filter(
        pk=told.number or 0, is_active=True, role__in=(Role.TECHNICIAN, Role.MANAGER)
    ).first()
    if found is None:
        raise NotAWorker("incidents can be given to technicians and managers only")
    return actions.assign(pk, by, found)


def _wait(pk: int, by: User, told: Told) -> object:
    if told.wait not in PENDING:
        raise ActionRefused("say for whom it waits", code="incident.until")
    return actions.wait(pk, by, State(told.wait), _ahead(told), told.note)


def _ahead(told: Told) -> datetime:
    if told.until is None:
        raise ActionRefused("say until when", code="incident.until")
    return told.until


def _attach(pk: int, by: User, told: Told) -> object:
    if not told.files:
        raise ActionRefused("choose a file", code="incident.file_missing")
    return [work.attach(pk, by, one.name or "", one.chunks(), public=told.public) for one in told.files]


def _use(pk: int, by: User, told: Told) -> object:
    return work.use(pk, by, told.part or Part(name=""))


ACTS: Mapping[str, Callable[[int, User, Told], object]] = {
    "acknowledge": lambda pk, by, _: actions.acknowledge(pk, by),
    "assign": _assign,
    "start": lambda pk, by, _: actions.start(pk, by),
    "wait": _wait,
    "visit": lambda pk, by, told: actions.agree_visit(pk, by, _ahead(told), told.note),
    "wake": lambda pk, by, told: actions.wake(pk, by, told.note),
    "return": lambda pk, by, told: actions.give_back(pk, by, told.note),
    "note": lambda pk, by, told: actions.note(pk, by, told.note),
    "answer": lambda pk, by, told: actions.answer(pk, by, told.note),
    "resolve": lambda pk, by, told: actions.resolve(pk, by, told.note, told.code, public=told.public),
    "reopen": lambda pk, by, told: actions.reopen(pk, by, told.note),
    "close": lambda pk, by, _: actions.close(pk, by),
    "cancel": lambda pk, by, told: actions.cancel(pk, by, told.note),
    "merge": lambda pk, by, told: actions.merge(pk, by, told.number or 0),
    "undo": lambda pk, by, _: undoing.undo(pk, by),
    "prioritise": lambda pk, by, told: actions.prioritise(pk, by, told.impact, told.urgency),
    "judge": lambda pk, by, _: actions.judge_again(pk, by),
    "major": lambda pk, by, told: major.declare(pk, by, told.note),
    "check": lambda pk, by, told: major.check(pk, by, told.number or 0, told.note),
    "attach": _attach,
    "time": lambda pk, by, told: work.spend(pk, by, told.minutes, told.note, billable=told.billable),
    "part": _use,
    "strike": lambda pk, by, told: work.strike(pk, by, told.sort, told.number or 0, back=told.back),
}


def refusal(e: PlombaError) -> str:
    """Why it was refused, in the reader's language; the room's own words where there is no translation."""
    said = {
        "incident.not_allowed": _("Only technicians and managers work on incidents. Choose another person."),
        "incident.state": _(
            "The incident has changed meanwhile; this is not possible any more. Here is how it is now."
        ),
        "incident.unknown": _("There is no such incident, till or shop. Look at the number again."),
        "incident.note_missing": _("Write in a few words what was done, then try again."),
        "incident.note_too_long": _("The note is too long. Shorten it, then try again."),
        "incident.until": _("Choose for whom it waits and a moment that is still to come, within a year."),
        "incident.code": _("Choose one of the codes of the list."),
        "incident.merge": _("Choose another open incident of the same customer."),
        "incident.undo": _(
            "There is nothing that you could take back any more: others have gone on, or ten minutes have passed."
        ),
        "incident.too_late": _("It was resolved too long ago to be reopened. Open a new one."),
        "incident.twin": _("This fault of that till is open already. Work on that one."),
        "incident.file_missing": _("Choose a file first."),
        "incident.file": _("There are too many files already. Take one out first."),
        "incident.work": _("This entry does not fit: minutes are 1 to 1440, a part has a name and a number."),
        "file.too_large": _("A file may have 10 MB. Make it smaller, then try again."),
        "file.empty": _("The file is empty."),
        "priority.invalid": _("Choose impact and urgency from the table."),
    }
    return said.get(e.code, str(e))
