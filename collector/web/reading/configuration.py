"""What a page shows of the wished configuration: where it holds, what each mistake means, and how far each till is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from collector.core.models import User
from collector.inventory import desired, desired_state
from collector.inventory.desired_models import DesiredState
from collector.inventory.desired_state import Place, Preview
from collector.inventory.models import Customer, Site, Terminal
from collector.web.words import Sign
from protocols.wire.desired import Tables, Value, toml

TILLS_SHOWN = 200
NAMES_SHOWN = 12

STATES: dict[str, Sign] = {
    "none": Sign("retired", "note", gettext_lazy("Nothing is wished")),
    "waiting": Sign("attention", "clock", gettext_lazy("The till has not answered yet")),
    "refused": Sign("fault", "x", gettext_lazy("Refused: the last good one stays")),
    "differs": Sign("suppressed", "info-circle", gettext_lazy("Applied, with differences")),
    "local": Sign("suppressed", "lock", gettext_lazy("The till keeps its own")),
    "applied": Sign("ok", "circle-check", gettext_lazy("Applied")),
}

LEVELS = {
    desired.Level.CUSTOMER: gettext_lazy("Customer"),
    desired.Level.SITE: gettext_lazy("Shop"),
    desired.Level.TERMINAL: gettext_lazy("Till"),
}


@dataclass(frozen=True, slots=True)
class Progress:
    """One till below, and what it said last. `state` is a key of STATES."""

    terminal: Terminal
    state: str
    row: DesiredState | None

    @property
    def sign(self) -> Sign:
        return STATES[self.state]


@dataclass(frozen=True, slots=True)
class Line:
    """One key as a person reads it; "" where it is not there."""

    key: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Effect:
    """The same changes for several tills."""

    lines: tuple[Line, ...]
    tills: tuple[str, ...]

    @property
    def names(self) -> str:
        return ", ".join(self.tills[:NAMES_SHOWN])

    @property
    def more(self) -> int:
        return max(len(self.tills) - NAMES_SHOWN, 0)


def may_write(user: User, place: Place) -> bool:
    """Technicians set a single till right; what many tills share is the manager's."""
    return user.may_manage or (user.may_work and isinstance(place, Terminal))


def place_of(level: str, pk: str) -> Place:
    """Http404 where there is none."""
    match level:
        case desired.Level.TERMINAL:
            return get_object_or_404(Terminal.objects.select_related("site__customer"), pk=pk)
        case desired.Level.SITE if pk.isdecimal() and len(pk) < 19:
            return get_object_or_404(Site.objects.select_related("customer"), pk=int(pk))
        case desired.Level.CUSTOMER if pk.isdecimal() and len(pk) < 19:
            return get_object_or_404(Customer, pk=int(pk))
    raise Http404


def levels_of(place: Place) -> dict[desired.Level, Tables]:
    """What this place and those above it say."""
    places: list[Place] = [place]
    if isinstance(places[0], Terminal):
        places.insert(0, places[0].site)
    if isinstance(places[0], Site):
        places.insert(0, places[0].customer)
    found = ((desired_state.level_of(one), desired_state.versions(one).first()) for one in places)
    return {level: desired.parse(version.text) for level, version in found if version is not None}


def state_of(row: DesiredState | None) -> str:
    """A key of STATES."""
    if row is None or (not row.digest and not row.outcome):
        return "none"
    if not row.is_answered or not row.outcome:
        return "waiting"
    if row.outcome == "applied":
        return "differs" if row.differs else "applied"
    return row.outcome if row.outcome in STATES else "waiting"


def progress(place: Place) -> list[Progress]:
    where = {Customer: "site__customer", Site: "site", Terminal: "pk"}[type(place)]
    found = Terminal.objects.filter(**{where: place.pk})
    if not isinstance(place, Terminal):
        found = found.filter(retired_at=None)
    found = found.select_related("site", "desired").order_by("site__name", "name")[:TILLS_SHOWN]
    rows = [(terminal, getattr(terminal, "desired", None)) for terminal in found]
    return [Progress(terminal, state_of(row), row) for terminal, row in rows]


def effects(found: Sequence[Preview]) -> list[Effect]:
    """Tills for which the same changes go together, the most first."""
    groups: dict[tuple[Line, ...], list[str]] = {}
    for preview in found:
        lines = tuple(Line(one.key, _toml(one.before), _toml(one.after)) for one in preview.changes)
        groups.setdefault(lines, []).append(f"{preview.terminal.name} ({preview.terminal.site.name})")
    made = [Effect(lines, tuple(tills)) for lines, tills in groups.items()]
    return sorted(made, key=lambda effect: -len(effect.tills))


def _toml(value: Value | None) -> str:
    return "" if value is None else toml(value)


def settings(levels: dict[desired.Level, Tables]) -> list[tuple[str, str, object]]:
    """Key, value, and the word of the level that says it."""
    return [(one.key, toml(one.value), LEVELS[one.level]) for one in desired.settings(levels)]


def sentence(mistake: desired.Mistake) -> str:
    """What is wrong and what would be right, in the reader's language."""
    say = _SAY.get(mistake.problem, _malformed)
    return say(mistake.detail)


def _unknown(near: str) -> str:
    said = _("This key cannot be set from here: there is none of this name, or it is decided on the till.")
    if not near:
        return said
    hint = _("Did you mean %(near)s?") % {"near": near}
    return f"{said} {hint}"


def _malformed(_detail: str) -> str:
    return _("This is not how a configuration is written: tables of keys, and a name in every row of a list.")


_SAY: dict[str, Callable[[str], str]] = {
    "syntax": lambda detail: _("This is no valid TOML: %(detail)s") % {"detail": detail},
    "too_long": lambda detail: _("The text is longer than %(bytes)s bytes.") % {"bytes": detail},
    "unknown": _unknown,
    "type": lambda detail: _("It must be of the kind %(kind)s.") % {"kind": detail},
    "enum": lambda detail: _("Allowed: %(words)s.") % {"words": detail},
    "minimum": lambda detail: _("It must be at least %(limit)s.") % {"limit": detail},
    "maximum": lambda detail: _("It must be at most %(limit)s.") % {"limit": detail},
    "above": lambda detail: _("It must be more than %(limit)s.") % {"limit": detail},
    "below": lambda detail: _("It must be less than %(limit)s.") % {"limit": detail},
    "length": lambda detail: _("It may have at most %(limit)s characters.") % {"limit": detail},
    "many": lambda detail: _("It may have at most %(limit)s parts.") % {"limit": detail},
    "pattern": lambda detail: _("It must look like %(example)s.") % {"example": detail},
}
