"""When the last Z report was seen: a fiscal device tells a higher number than before. By the till's clock and not the
device's, which may be wrong; so late as the device is asked seldom for its counters, some minutes."""

from collections.abc import Iterable
from datetime import datetime

from agent.clock import Clock
from agent.devices.reading import Reading
from agent.spool import Json, Spool

STATE = "z."
"""Key of the spool's state, before the id of the device."""


class ZReports:
    """One thread calls. What is known survives a restart; the first number that a device ever tells is no report that
    anybody saw. Another device in its place begins anew with its own numbers."""

    def __init__(self, spool: Spool, clock: Clock) -> None:
        self._spool, self._clock = spool, clock
        kept = spool.read_states(STATE)
        self._known = {
            key.removeprefix(STATE): value for key, value in kept.items() if isinstance(value, dict)
        }

    def look(self, readings: Iterable[Reading]) -> None:
        for reading in readings:
            number = reading.state.last_z_number
            if number is not None:
                self._take(reading.device, reading.identity.serial or "", number)

    @property
    def last(self) -> datetime | None:
        """None where none was seen."""
        seen = [datetime.fromisoformat(str(value["at"])) for value in self._known.values() if value.get("at")]
        return max(seen, default=None)

    @property
    def told(self) -> bool:
        """Whether any device tells of Z reports at all."""
        return bool(self._known)

    def _take(self, device: str, serial: str, number: int) -> None:
        known = self._known.get(device)
        if known and (known.get("number"), known.get("serial")) == (number, serial):
            return
        at = known.get("at") if known else None
        if known and known.get("serial") == serial and number > int(str(known.get("number"))):
            at = self._clock.now().isoformat()
        entry: dict[str, Json] = {"number": number, "serial": serial, "at": at}
        self._known[device] = entry
        self._spool.put_all(state={STATE + device: entry})
