"""What the collector wishes, laid over the till's own file. This is a wall: a key that is not listed here can not
come from the collector, whoever has it, and what decides where a till's data goes, which ports it opens, whom it
obeys and which keys it trusts is not listed. Pure."""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import timedelta

from agent.config import address
from agent.config.model import Config
from agent.config.reader import checked
from protocols.errors import ConfigError
from protocols.wire import v1
from protocols.wire.desired import EITHER, LISTS, Flat, Misshapen, Value, flatten, parts, shaped, toml

OPEN: Mapping[str, frozenset[str]] = {
    "agent": frozenset({"language", "log_level", "open_from", "open_to"}),
    "collector": frozenset({"report_s", "verify_public", "storage_ca"}),
    "host": frozenset(
        {
            "sample_s", "disk_low_percent", "memory_low_percent", "too_hot_celsius", "clock_drift_s",
            "services", "pos_process",
        }
    ),
    "device": frozenset(
        {"model", "poll_s", "slow_s", "drawer_open_when", "drawer_open_too_long_s", "clock_drift_s"}
    ),
    "backup": frozenset({"every", "at"}),
}  # fmt: skip
"""Not listed, for example: `host.pos_programs` (whose digests are told), `host.pos_server` and `host.main_terminal`
(which the agent calls up), the source, the place and the keys of a backup, all of jobs and of the relay.
`collector.verify_public` opens no backup but those whose `verify_key`, in the till's file, is "collector";
`collector.storage_ca` is about the one store that the till's file names in `collector.storage_url`, where locked packs
go."""

PLACED = frozenset({"family", "port", "baud", "parity"})
"""Of a device that the till's file does not name, on a port that it lists under [discovery]: there somebody who
stood at the till has said that no drawer opens when the port is written to."""

RHYTHM = (timedelta(minutes=30), timedelta(days=1))
"""So often may a backup be that the collector plans: a taken one neither wears a till out nor puts its backups off."""

WALL = "config.wall"
_SHAPES = {
    "table": "is no table", "row": "is no list of tables", "name": "is no name", "twice": "is there twice",
    "word": "is no key", "value": "is no value of a configuration", "many": "holds too much",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Laid:
    """`config` is what the till runs with, `taken` what of it comes from the collector."""

    config: Config
    taken: Flat
    differs: tuple[v1.Difference, ...]

    @property
    def outcome(self) -> v1.Outcome:
        held = self.differs and all(one.reason is v1.DifferenceReason.LOCAL for one in self.differs)
        return v1.Outcome.LOCAL if held and not self.taken else v1.Outcome.APPLIED


def lay(local: dict[str, object], wished: Mapping[str, object], source: str) -> Laid:
    """`local` holds the tables of the till's file, which are right by themselves. ConfigError, which names `source`,
    with WALL where a key is not the collector's to set, else with a code of the file."""
    own = checked(source, local)
    flat = _flat(wished, source)
    placed = _placed(local, flat)
    taken: Flat = {}
    differs: list[v1.Difference] = []
    for key, value in flat.items():
        _check_wall(key, placed, source)
        table, row, _ = parts(key)
        here = not row or row in _rows(local, table) or row in placed
        if here and not _held(key, own.agent.local):
            taken[key] = value
        elif not here or _local(local, key) != value:
            reason = v1.DifferenceReason.LOCAL if here else v1.DifferenceReason.ABSENT
            differs.append(_difference(key, reason, local_value(local, key), value))
    _check_ports(taken, placed, own, source)
    config = checked(source, _over(local, taken))
    _check_rhythm(config, taken, source)
    return Laid(config, taken, tuple(differs))


def _flat(wished: Mapping[str, object], source: str) -> Flat:
    try:
        return flatten(shaped(wished))
    except Misshapen as e:
        raise ConfigError(source, e.key[:160], _SHAPES[e.problem]) from e


def _placed(local: Mapping[str, object], flat: Flat) -> set[str]:
    """Names of devices that the till's file does not know and that come with a port of their own."""
    known = _rows(local, "device")
    named = (parts(key) for key in flat)
    return {row for table, row, word in named if table == "device" and word == "port" and row not in known}


def _check_wall(key: str, placed: set[str], source: str) -> None:
    table, row, word = parts(key)
    if word in OPEN.get(table, ()) or (table == "device" and row in placed and word in PLACED):
        return
    raise ConfigError(source, key, "is decided on the till itself, never by the collector", code=WALL)


def _check_ports(taken: Flat, placed: set[str], own: Config, source: str) -> None:
    allowed = {address.place(port) for port in own.discovery.ports}
    for key, value in taken.items():
        table, row, word = parts(key)
        if table != "device" or row not in placed or word != "port":
            continue
        try:
            known = isinstance(value, str) and address.place(value) in allowed
        except ValueError as e:
            raise ConfigError(source, key, str(e), address.ALLOWED) from e
        if not known:
            problem = "the till's file does not list this port under [discovery] ports"
            raise ConfigError(source, key, problem, ", ".join(own.discovery.ports), code=WALL)


def _check_rhythm(config: Config, taken: Flat, source: str) -> None:
    for plan in config.backups:
        key = f"backup[{plan.name}].every"
        if key in taken and plan.every is not None and not RHYTHM[0] <= plan.every <= RHYTHM[1]:
            problem = "a backup that the collector plans is neither rarer nor more often than this"
            raise ConfigError(source, key, problem, "30m to 1d", code=WALL)


def _held(key: str, marks: Iterable[str]) -> bool:
    """Does the till's file hold this key, or one that takes its place?"""
    table, row, word = parts(key)
    head = f"{table}[{row}]." if row else f"{table}."
    words = {word}.union(*({w.partition(".")[2] for w in g} for g in EITHER if f"{table}.{word}" in g))
    keys = [head + one for one in words]
    return any(_covers(mark, one) for mark in marks for one in keys)


def _covers(mark: str, key: str) -> bool:
    """ "device" and "device[kitchen]" cover what is in them, "device.poll_s" that of every device."""
    if mark in ("*", key) or key.startswith((f"{mark}.", f"{mark}[")):
        return True
    table, _, word = parts(key)
    return mark == f"{table}.{word}"


def _rows(local: Mapping[str, object], table: str) -> dict[str, dict[str, object]]:
    """The rows of a list in the till's file, by their names."""
    content = local.get(table)
    rows = content if isinstance(content, list) else []
    return {str(row.get(LISTS.get(table, ""))): row for row in rows if isinstance(row, dict)}


def _local(local: Mapping[str, object], key: str) -> object:
    """None where the file does not say."""
    table, row, word = parts(key)
    content = _rows(local, table).get(row) if row else local.get(table)
    return content.get(word) if isinstance(content, dict) else None


def local_value(local: Mapping[str, object], key: str) -> str:
    """As TOML; "" where the file does not say."""
    own = _local(local, key)
    return toml(own) if isinstance(own, bool | int | float | str | list) else ""


def _over(local: Mapping[str, object], taken: Flat) -> dict[str, object]:
    tables = deepcopy(dict(local))
    for key, value in taken.items():
        table, row, word = parts(key)
        content = _place_of(tables, table, row)
        for group in EITHER:
            if f"{table}.{word}" in group:
                _make_room(content, group, key, taken)
        content[word] = value
    return tables


def _make_room(content: dict[str, object], group: frozenset[str], key: str, taken: Flat) -> None:
    """The wished rhythm takes the place of the file's; where two are wished both stay, and the model refuses."""
    head = key.rpartition(".")[0]
    for other in group:
        word = other.partition(".")[2]
        if f"{head}.{word}" not in taken:
            content.pop(word, None)


def _place_of(tables: dict[str, object], table: str, row: str) -> dict[str, object]:
    if not row:
        content = tables.setdefault(table, {})
        assert isinstance(content, dict)  # noqa: S101 - the file is right by itself
        return content
    rows = tables.setdefault(table, [])
    assert isinstance(rows, list)  # noqa: S101 - as above
    found = next((one for one in rows if one[LISTS[table]] == row), None)
    if found is None:
        found = {LISTS[table]: row}
        rows.append(found)
    kept: dict[str, object] = found
    return kept


def _difference(key: str, reason: v1.DifferenceReason, local: str, value: Value) -> v1.Difference:
    return v1.Difference(key=key, reason=reason, local=local[:400], desired=toml(value)[:400])
