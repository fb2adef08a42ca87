"""Facts of a report as tables of words, once for every form in which it is drawn."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from collector.reports.facts import Availability, Facts
from protocols.status.faults import FAULTS

Cell = str | int | float | None
"""None: not known."""


@dataclass(frozen=True, slots=True)
class Table:
    """`key` is a word; `numbers`: which columns hold figures."""

    key: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    numbers: frozenset[int]
    note: str = ""


class Words:
    def __init__(self, language: str, zone: str = "UTC") -> None:
        document = _all()
        self._words = document.get(language, document["en"])
        self.language = language if language in document else "en"
        self._zone = ZoneInfo(zone)

    def __call__(self, key: str, **filled: object) -> str:
        return str(self._words[key]).format(**filled)

    def known(self, key: str) -> str | None:
        return str(self._words[key]) if key in self._words else None

    def month(self, month: str) -> str:
        """Of 2026-10."""
        year, number = month.split("-")
        return f"{self._words['months'][int(number) - 1]} {year}"

    def moment(self, at: datetime | None) -> str | None:
        return at.astimezone(self._zone).strftime("%d.%m.%Y %H:%M") if at else None

    def percent(self, value: float | None) -> str:
        """With a comma where the language has one; never rounded up to a hundred that was not reached."""
        if value is None:
            return self("not_known")
        shown = int(value * 100) / 100
        text = f"{shown:.2f}".rstrip("0").rstrip(".")
        return f"{text if self.language == 'en' else text.replace('.', ',')} %"

    def fault(self, code: str, title: str = "") -> str:
        known = FAULTS.get(code)
        return known.title(self.language) if known else title or code or self("other")


@cache
def _all() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads(files("collector.reports").joinpath("words.toml").read_text("utf-8"))


def tiles(facts: Facts, words: Words) -> list[tuple[str, str]]:
    """The few figures that stand on top."""
    kept, missed = (sum(getattr(one, name) for one in facts.promises) for name in ("kept", "missed"))
    share = 100 * kept / (kept + missed) if kept + missed else None
    return [
        (words("availability"), words.percent(facts.percent)),
        (words("incidents"), str(facts.incidents_opened)),
        (words("kept_share"), words.percent(share)),
        (words("proven"), f"{facts.proven} / {len(facts.backups)}"),
        (words("visits"), str(len(facts.visits))),
    ]


def tables(facts: Facts, words: Words) -> list[Table]:
    return [
        _availability(facts.tills + facts.devices, words),
        _causes(facts, words),
        _promises(facts, words),
        _late(facts, words),
        _backups(facts, words),
        _visits(facts, words),
        _requests(facts, words),
    ]


def _table(
    words: Words, key: str, heads: str, rows: Sequence[tuple[Cell, ...]], numbers: set[int], *, note: str = ""
) -> Table:
    head = tuple(words(name) for name in heads.split())
    return Table(words(key), head, tuple(rows), frozenset(numbers), words(note) if note else "")


def _availability(rows: Sequence[Availability], words: Words) -> Table:
    """The worst first: that is what is looked for. The till itself before its devices where both are as bad."""
    order = sorted(
        rows,
        key=lambda one: (one.percent is None, one.percent or 0, one.site, one.till, one.device),
    )
    found = [
        (
            one.site, one.till, one.device or "—", one.model or "—",
            None if one.percent is None else one.percent, round(one.counted_min / 60), one.down_min,
            one.unknown_min,
        )
        for one in order
    ]  # fmt: skip
    heads = "shop till device model percent counted down unknown"
    return _table(words, "availability_of", heads, found, {4, 5, 6, 7}, note="availability_note")


def _causes(facts: Facts, words: Words) -> Table:
    rows = [(words.fault(one.code), one.opened, one.minutes, one.effects) for one in facts.causes]
    return _table(words, "by_cause", "cause opened minutes effects", rows, {1, 2, 3})


def _promises(facts: Facts, words: Words) -> Table:
    rows = [(words(one.metric), one.kept, one.missed, one.percent) for one in facts.promises]
    return _table(words, "promises", "metric kept missed percent", rows, {1, 2, 3})


def _late(facts: Facts, words: Words) -> Table:
    rows = [
        (one.incident, words.fault(one.code, one.title), one.place, words(one.metric), one.by_min)
        for one in facts.late
    ]
    return _table(words, "late", "incidents cause place metric by", rows, {0, 4})


def _backups(facts: Facts, words: Words) -> Table:
    rows = [
        (
            one.site, one.till, one.source, one.sets, one.failed, one.drills - one.drills_failed,
            one.drills_failed, words.moment(one.last_set_at), words.moment(one.last_proof_at), one.proof_s,
        )
        for one in facts.backups
    ]  # fmt: skip
    heads = "shop till source sets failed drills drills_failed last_set last_proof took"
    return _table(words, "backups", heads, rows, {3, 4, 5, 6, 9}, note="backups_note")


def _visits(facts: Facts, words: Words) -> Table:
    rows = [
        (
            words.moment(one.at), one.site, one.purpose, words.known(f"state_{one.state}") or one.state,
            one.minutes,
        )
        for one in facts.visits
    ]  # fmt: skip
    return _table(words, "visits", "at shop purpose state minutes", rows, {4})


def _requests(facts: Facts, words: Words) -> Table:
    rows = [
        (one.titles.get(words.language, one.type), one.opened, one.resolved, one.rating)
        for one in facts.requests
    ]
    return _table(words, "requests", "type opened resolved rating", rows, {1, 2, 3})
