"""What the engine asks of whoever keeps incidents, so that it decides alike in memory and in the database."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Protocol

from collector.incidents.engine.decisions import Decision
from collector.incidents.engine.facts import Known, Spot, Watch
from collector.incidents.engine.place import Place


class Book(Protocol):
    """Incidents and what is watched. Everything asked for is as the last `write` left it."""

    def watch(self, spot: Spot) -> Watch | None: ...

    def keep(self, watch: Watch) -> None: ...

    def newest(self, spot: Spot) -> Known | None: ...

    def get(self, incident: int) -> Known | None: ...

    def place_of(self, known: Known) -> Place: ...

    def around(self, place: Place, codes: Collection[str]) -> Iterable[Known]:
        """Open incidents with one of these codes of the place itself, its shop and its areas."""

    def within(self, cause: Known) -> Iterable[Known]:
        """Open incidents of what lies in the place of `cause`, not suppressed: its device, its till, its shop, its
        area."""

    def effects(self, cause: int) -> Iterable[Known]:
        """Open incidents that are suppressed by this one."""

    def standing(self, code: str, since: datetime, until: datetime, most: int) -> list[Known]:
        """Open incidents of tills and shops with this code that opened in this time and are not suppressed; no more
        than `most`."""

    def stormed(self, code: str, since: datetime, until: datetime) -> bool:
        """Some that opened in this time are of a storm."""

    def write(self, decision: Decision, place: Place, now: datetime) -> Known:
        """Keep what was decided; the incident as it is then. For `Repeat`, `Clear` and the like `place` is not
        read."""
