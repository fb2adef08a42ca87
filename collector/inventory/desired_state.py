"""Keeps what is wished: a new version of a level, what follows for each terminal, and what terminals say of it."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Max, QuerySet

from collector.core import clock, live
from collector.inventory import desired
from collector.inventory.desired import Level
from collector.inventory.desired_models import DesiredState, DesiredVersion
from collector.inventory.models import Customer, Site, Terminal
from protocols.errors import PlombaError
from protocols.wire import v1
from protocols.wire.desired import Tables, digest_of

Place = Customer | Site | Terminal
_LEVELS: Mapping[type[Place], Level] = {
    Customer: Level.CUSTOMER, Site: Level.SITE, Terminal: Level.TERMINAL,
}  # fmt: skip


class ChangedMeanwhile(PlombaError):
    """Somebody else has written a version since the text was taken up."""

    code = "configuration.changed"


class NothingNew(PlombaError):
    code = "configuration.same"


class NothingWished(PlombaError):
    code = "configuration.none"


@dataclass(frozen=True, slots=True)
class Preview:
    """What a text would change for one terminal."""

    terminal: Terminal
    changes: list[desired.Change]


def level_of(place: Place) -> Level:
    return _LEVELS[type(place)]


def versions(place: Place) -> QuerySet[DesiredVersion]:
    """Newest first."""
    return DesiredVersion.objects.filter(**{level_of(place).value: place}).order_by("-number")


def levels(terminal: Terminal) -> dict[Level, DesiredVersion]:
    """The newest version of each level that says anything for this terminal."""
    places: tuple[Place, ...] = (terminal.site.customer, terminal.site, terminal)
    found = ((level_of(place), versions(place).first()) for place in places)
    return {level: version for level, version in found if version is not None}


def tables(found: Mapping[Level, DesiredVersion]) -> dict[Level, Tables]:
    return {level: desired.parse(version.text) for level, version in found.items()}


def preview(place: Place, text: str) -> list[Preview]:
    """For every terminal below, in which anything would change. desired.Wrong where the text is no configuration."""
    wanted = desired.read(text)
    own = level_of(place)
    found: list[Preview] = []
    for terminal, said in _said(place):
        changes = desired.changes(desired.laid(said), desired.laid({**said, own: wanted}))
        if changes:
            found.append(Preview(terminal, changes))
    return found


@transaction.atomic
def save(place: Place, text: str, *, author: str, comment: str, base: int, now: datetime) -> DesiredVersion:
    """A new version of this level, and what follows for the terminals below. `base` is the number of the version that
    the writer saw, 0 for none: ChangedMeanwhile where it is not the newest. NothingNew where the text is the same;
    desired.Wrong where it is no configuration."""
    desired.read(text)
    Customer.objects.select_for_update().get(pk=_customer_of(place))
    newest = versions(place).first()
    if (newest.number if newest else 0) != base:
        raise ChangedMeanwhile("somebody else has saved another version meanwhile")
    if (newest.text if newest else "") == text:
        raise NothingNew("the text is the one that holds already")
    made = DesiredVersion.objects.create(
        **{level_of(place).value: place}, number=base + 1, text=text, author=author, at=now, comment=comment
    )
    refresh(place, now)
    return made


def refresh(place: Place, now: datetime) -> None:
    """What is wished for each terminal below, counted on where its content changed."""
    known = {state.pk: state for state in DesiredState.objects.filter(terminal__in=_below(place))}
    changed: list[DesiredState] = []
    for terminal, said in _said(place):
        state = known.get(terminal.pk) or DesiredState(terminal=terminal)
        digest = digest_of(desired.laid(said)) if said else ""
        if state.digest != digest:
            state.digest, state.number, state.changed_at = digest, state.number + 1, now
            changed.append(state)
    # What terminals told meanwhile is not touched.
    fields = ["digest", "number", "changed_at"]
    DesiredState.objects.bulk_create(
        changed, batch_size=200, update_conflicts=True, unique_fields=["terminal"], update_fields=fields
    )
    for state in changed:
        live.publish_on_commit("terminal", state.pk)


def on_saved(
    instance: Terminal, *, created: bool, update_fields: Collection[str] | None = None, **_: object
) -> None:
    """A terminal is new, or has come to another site."""
    if created or not update_fields or "site" in update_fields:
        refresh(instance, clock.now())


def document(terminal: Terminal, _body: bytes, now: datetime) -> bytes:
    """What the terminal fetches. NothingWished where nobody ever wrote anything."""
    found = levels(terminal)
    if not found:
        raise NothingWished("nothing is wished for this terminal")
    content = desired.laid(tables(found))
    digest = digest_of(content)
    state = DesiredState.objects.filter(pk=terminal.pk).first()
    if state is None or state.digest != digest:  # it has come to another site
        with transaction.atomic():
            refresh(terminal, now)
        state = DesiredState.objects.get(pk=terminal.pk)
    newest = max(found.values(), key=lambda version: version.at)
    wished = v1.Desired(
        terminal=terminal.pk,
        number=state.number,
        digest=digest,
        tables=content,
        by=newest.author,
        at=newest.at,
        comment=newest.comment,
    )
    return wished.model_dump_json().encode()


def waits(terminals: Collection[str]) -> set[str]:
    """Those that have not judged what is wished for them now."""
    if not terminals:
        return set()
    marks = ", ".join(["%s"] * len(terminals))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT terminal_id FROM inventory_desiredstate"  # noqa: S608 - only marks are put in
            f" WHERE digest <> told_digest AND digest <> '' AND terminal_id IN ({marks})",
            list(terminals),
        )
        return {row[0] for row in cursor.fetchall()}


def record_told(terminal_id: str, told: v1.Configuration, received_at: datetime) -> None:
    """Inside the ingest transaction."""
    DesiredState.objects.update_or_create(
        terminal_id=terminal_id,
        defaults={
            "told_number": told.number,
            "told_digest": told.digest,
            "told_at": received_at,
            "outcome": told.outcome.value if told.digest else "",
            "holds": told.holds,
            "code": told.code,
            "key": told.key,
            "error": told.error,
            "differs": [one.model_dump(mode="json") for one in told.differs],
            "left_off": told.left_off,
        },
    )
    live.publish_on_commit("terminal", terminal_id)


def _customer_of(place: Place) -> int:
    match place:
        case Customer():
            return place.pk
        case Site():
            return place.customer_id
        case Terminal():
            return place.site.customer_id


def _below(place: Place) -> QuerySet[Terminal]:
    where = {Customer: "site__customer", Site: "site", Terminal: "pk"}[type(place)]
    found = Terminal.objects.filter(**{where: place.pk}, retired_at=None)
    return found.select_related("site__customer").order_by("site__name", "name")


def _said(place: Place) -> Iterable[tuple[Terminal, dict[Level, Tables]]]:
    """Each terminal below, with what each level says for it; a level that never said anything is not in it."""
    customer = Customer.objects.get(pk=_customer_of(place))
    top = versions(customer).first()
    above = {Level.CUSTOMER: desired.parse(top.text)} if top else {}
    terminals = list(_below(place))
    sites = _newest("site", {terminal.site_id for terminal in terminals})
    own = _newest("terminal", {terminal.pk for terminal in terminals})
    for terminal in terminals:
        said = dict(above)
        if terminal.site_id in sites:
            said[Level.SITE] = sites[terminal.site_id]
        if terminal.pk in own:
            said[Level.TERMINAL] = own[terminal.pk]
        yield terminal, said


def _newest(level: str, keys: Collection[object]) -> dict[object, Tables]:
    rows = DesiredVersion.objects.filter(**{f"{level}__in": keys})
    last = rows.order_by().values(level).annotate(last=Max("pk")).values("last")
    found = DesiredVersion.objects.filter(pk__in=last)
    return {getattr(version, f"{level}_id"): desired.parse(version.text) for version in found}
