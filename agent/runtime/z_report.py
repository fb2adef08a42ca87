"""When the last Z reports were seen: a fiscal device tells a higher number than before. By the till's clock and not the
device's, which may be wrong; so late as the device is asked seldom for its counters, some minutes."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from agent.clock import Clock
from agent.devices.reading import Reading
from agent.spool import Json, Spool
from protocols.regime.told import RECENT, Z_REPORTS, written
from protocols.wire import v1

STATE = "z."
"""Key of the spool's state, before the id of the device."""

Tell = Callable[[v1.Fact], None]


class ZReports:
    """One thread calls. What is known survives a restart; the first number that a device ever tells is no report that
    anybody saw. Another device in its place begins anew with its own numbers. The collector is told of each report,
    with those before it, and once that there is a device which tells of such."""

    def __init__(self, spool: Spool, clock: Clock, tell: Tell = lambda _fact: None) -> None:
        self._spool, self._clock, self._tell = spool, clock, tell
        kept = spool.read_states(STATE)
        self._known = {
            key.removeprefix(STATE): value for key, value in kept.items() if isinstance(value, dict)
        }

    def look(self, readings: Iterable[Reading]) -> None:
        for reading in readings:
            number = reading.state.last_z_number
            if number is not None:
                self._take(reading.device, reading.identity.serial, number)

    @property
    def seen(self) -> list[datetime]:
        """Of all devices, oldest first."""
        listed = [value.get("seen") for value in self._known.values()]
        texts = {str(each) for one in listed if isinstance(one, list) for each in one}
        return sorted(map(_time, texts))

    @property
    def last(self) -> datetime | None:
        """None where none was seen. Of a device the last that was noted, whatever the clock said before it was set
        right."""
        listed = [value.get("seen") for value in self._known.values()]
        return max((_time(one[-1]) for one in listed if isinstance(one, list) and one), default=None)

    @property
    def told(self) -> bool:
        """Whether any device tells of Z reports at all."""
        return bool(self._known)

    def _take(self, device: str, serial: str, number: int) -> None:
        known = self._known.get(device)
        if known and (known.get("number"), known.get("serial")) == (number, serial):
            return
        listed = known.get("seen") if known else None
        seen = [str(each) for each in listed] if isinstance(listed, list) else []
        if known and known.get("serial") == serial and number > int(str(known.get("number"))):
            seen.append(self._clock.now().isoformat())
        entry: dict[str, Json] = {"number": number, "serial": serial, "seen": seen[-RECENT:]}
        self._known[device] = entry
        self._spool.put_all(state={STATE + device: entry})
        subject = v1.Subject(kind=v1.SubjectKind.TERMINAL)
        self._tell(
            v1.Fact(
                seq=1,
                at=self._clock.now(),
                subject=subject,
                name=Z_REPORTS,
                detail=written(self.seen, number),
            )
        )


def _time(text: object) -> datetime:
    return datetime.fromisoformat(str(text)).astimezone(UTC)
