"""Looks at the till's own computer: figures to the samples, conditions to the judge, facts and lists to the
collector when they changed."""

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from agent.clock import Clock
from agent.health import Level
from agent.runtime.judging import Judging
from agent.runtime.outgoing import Outgoing
from agent.runtime.status import UNKNOWN
from agent.spool import Json
from agent.system.probe import FACT_SCALARS, FACT_TEXT, KEPT, Condition, Detail, Listing, Measured, Probe
from protocols.wire import v1

log = logging.getLogger(__name__)

TOLD = "told."
"""Key of the spool's state: the digest of a fact or list that was told. What is not known of this computer, with the
reason, is kept by probe under UNKNOWN, which is the name of a fact, too."""
ITEMS, LIST_BYTES = 3000, 512 << 10
"""A list shares a report with other messages."""
SETTLED_S = 300.0
"""A slow probe looks for the first time within so long; the start of a till has better things to do."""
_SHARE = 0.1
_PAUSE_S = 1.0
"""Between two slow probes."""
HEAVY_S = 3600.0
"""A probe that looks no oftener can wait."""
_AGAIN_S = 60.0
_SUBJECT = v1.Subject(kind=v1.SubjectKind.TERMINAL)


def _nothing(_key: str) -> Json:
    return None


def _always(_every_s: float, _waited_s: float) -> bool:
    return True


class HostWatch:
    """`look` and `look_slow` may run beside each other, each in one thread at a time: no slow probe holds a
    quick one up. `read` gives what the spool's state holds under a key. `heavy`: may a probe look
    now that can wait, of this pace and due for so many seconds?"""

    def __init__(
        self,
        probes: Sequence[Probe],
        judging: Judging,
        outgoing: Outgoing,
        clock: Clock,
        read: Callable[[str], Json] = _nothing,
        *,
        heavy: Callable[[float, float], bool] = _always,
    ) -> None:
        self._quick = [probe for probe in probes if not probe.every_s]
        self._slow = [probe for probe in probes if probe.every_s]
        self._judging = judging
        self._outgoing = outgoing
        self._clock = clock
        self._read = read
        self._heavy = heavy
        now_s = clock.monotonic()
        self._due_s = {p.name: now_s + min(p.every_s * _SHARE, SETTLED_S) for p in self._slow}
        self._codes: dict[str, tuple[str, ...]] = {}
        self._unknown = _unknown(read(UNKNOWN), probes)
        self._told: dict[str, str] = {}

    def look(self) -> None:
        values: dict[str, float] = {}
        for probe in self._quick:
            values.update(self._look_with(probe).values)
        self._sample(values)

    def look_slow(self) -> None:
        """The one that is due for the longest time, if any is."""
        now_s = self._clock.monotonic()
        due = [
            probe for probe in self._slow if self._due_s[probe.name] <= now_s and self._may_look(probe, now_s)
        ]
        if not due:
            return
        probe = min(due, key=lambda p: self._due_s[p.name])
        try:
            self._sample(self._look_with(probe).values)
        finally:
            self._due_s[probe.name] = self._clock.monotonic() + probe.every_s

    def slow_delay_s(self) -> float:
        """Until the next slow probe is due; for one that is due and may not look yet it is asked again later."""
        now_s = self._clock.monotonic()
        waits_s = [self._due_s[p.name] - now_s for p in self._slow if self._may_look(p, now_s)]
        return min(max(min(waits_s, default=_AGAIN_S), _PAUSE_S), _AGAIN_S) if self._slow else 86400.0

    def _may_look(self, probe: Probe, now_s: float) -> bool:
        waited_s = now_s - self._due_s[probe.name]
        return probe.every_s < HEAVY_S or waited_s < 0 or self._heavy(probe.every_s, waited_s)

    def _look_with(self, probe: Probe) -> Measured:
        measured, reason = self._measure(probe)
        self._codes[probe.name] = tuple(c.code for c in measured.conditions) or self._codes.get(
            probe.name, ()
        )
        levels: dict[str, Level | None] = dict.fromkeys(self._codes[probe.name])
        levels |= {c.code: _level(c) for c in measured.conditions}
        why = {c.code: c.reason for c in measured.conditions if c.value is None and c.reason}
        self._unknown[probe.name] = {probe.name: reason} if reason else why
        messages, state = self._news(measured)
        if measured.keep is not None:
            state[KEPT + probe.name] = measured.keep
        self._judging.hear(
            levels,
            self._clock.now(),
            reasons={c.code: c.reason[:FACT_TEXT] for c in measured.conditions},
            beside=messages,
            state=state,
        )
        self._told.update({key: str(value) for key, value in state.items() if key.startswith(TOLD)})
        if state and not messages:
            self._outgoing.later([], state)
        return measured

    def _measure(self, probe: Probe) -> tuple[Measured, str]:
        """What the probe gave, and why it gave nothing."""
        try:
            return probe.measure(), ""
        except OSError as e:
            log.info("the probe %s could not look: %s", probe.name, e)
            return Measured(), str(e)[:FACT_TEXT] or type(e).__name__
        except Exception as e:  # a bug in one probe must not blind the others
            log.exception("the probe %s met a bug", probe.name)
            return Measured(), f"a bug in the agent: {type(e).__name__}"

    def _sample(self, values: Mapping[str, float]) -> None:
        pairs = [(name[:80], value) for name, value in values.items()]
        at = self._clock.now()
        for start in range(0, len(pairs), 64):
            part = dict(pairs[start : start + 64])
            self._outgoing.later([v1.Sample(seq=1, at=at, subject=_SUBJECT, values=part)])

    def _news(self, measured: Measured) -> tuple[list[v1.AnyMessage], dict[str, Json]]:
        """Messages about what is not as it was last told, and the state that remembers it as told."""
        messages: list[v1.AnyMessage] = []
        state: dict[str, Json] = {}
        at = self._clock.now()
        unknown = {name: why for part in self._unknown.values() for name, why in part.items()}
        if self._is_new(UNKNOWN, sorted(unknown), state):
            state[UNKNOWN] = {probe: dict(part) for probe, part in self._unknown.items() if part}
            messages.append(_fact(UNKNOWN, unknown, at))
        for name, detail in measured.facts.items():
            if self._is_new(name, _fitting(detail), state):
                messages.append(_fact(name, detail, at))
        for listing in measured.lists:
            inventory = _inventory(listing, at)
            if self._is_new(
                f"list.{listing.what}", inventory.model_dump(include={"items", "left_off"}), state
            ):
                messages.append(inventory)
        return messages, state

    def _is_new(self, name: str, what: object, state: dict[str, Json]) -> bool:
        """`what` under this name was not told yet; then `state` is given its digest."""
        key = TOLD + name
        if key not in self._told:
            self._told[key] = str(self._read(key))
        digest = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:32]
        if digest == self._told[key]:
            return False
        state[key] = digest
        return True


def _level(condition: Condition) -> Level | None:
    if condition.value is None:
        return None
    return Level(condition.value, condition.raise_at, condition.clear_at)


def _fitting(detail: Detail) -> dict[str, bool | int | float | str | None]:
    """Within the limits of the wire: what is too long is cut, what is too much left off."""
    pairs = list(detail.items())[:FACT_SCALARS]
    return {
        name[:80]: value[:FACT_TEXT] if isinstance(value, str) else value for name, value in pairs if name
    }


def _fact(name: str, detail: Detail, at: datetime) -> v1.Fact:
    return v1.Fact(seq=1, at=at, subject=_SUBJECT, name=name, detail=_fitting(detail))


def _inventory(listing: Listing, at: datetime) -> v1.Inventory:
    """Of a list that is too long, those with a digest (the cash programs) are never left off."""
    rows = {(i.name[:200], i.version[:100], i.vendor[:200], i.sha256) for i in listing.items if i.name}
    kept: list[tuple[str, str, str, str]] = []
    room = LIST_BYTES
    for row in sorted(rows, key=lambda row: (not row[3], row)):
        room -= len(json.dumps(row)) + 50
        if room < 0 or len(kept) == ITEMS:
            break
        kept.append(row)
    items = tuple(v1.InventoryItem(name=n, version=v, vendor=w, sha256=s) for n, v, w, s in sorted(kept))
    return v1.Inventory(seq=1, at=at, what=listing.what, items=items, left_off=len(rows) - len(items))


def _unknown(kept: Json, probes: Sequence[Probe]) -> dict[str, dict[str, str]]:
    """What was unknown when it was last told, of the probes that there still are."""
    found = kept if isinstance(kept, dict) else {}
    parts = {probe.name: found.get(probe.name) for probe in probes}
    return {
        name: {key: str(why) for key, why in part.items()} if isinstance(part, dict) else {}
        for name, part in parts.items()
    }
