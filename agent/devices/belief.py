"""What is believed of the answers of one device: one answer is none. Pure; it asks nothing and knows no clock."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from protocols.device.family import Family, Reply, When
from protocols.device.profile import Profile
from protocols.errors import DeviceError
from protocols.status.model import DeviceState

CLOCK_S = 90.0
"""So far the clocks of two answers may be apart from the time between them: some devices give no seconds."""


class Question(Protocol):
    """What was asked, by us (a Command) or by another program."""

    @property
    def name(self) -> str: ...

    @property
    def when(self) -> When: ...


@dataclass(frozen=True, slots=True)
class _Heard:
    reply: Reply
    at_s: float


class Belief:
    """Promise: `hears` is True only for an answer that says the same as the answer to the same command
    directly before it. One damaged answer that its checksum did not betray (an exclusive or or a sum does not
    see two bytes that change places) is therefore never believed, whatever came before and comes after it:
    it takes two in a row that are damaged alike.

    Two answers say the same when their bytes behind the number of the frame are equal, or when nothing that
    is read from them by the profile differs: state, identity and sensor mask. Clocks must have gone on as
    time did, within CLOCK_S. Not compared, so not protected: the supply voltage and wear counters, from which
    no fault is made."""

    def __init__(self, family: Family, profile: Profile) -> None:
        self._family = family
        self._profile = profile
        self._last: dict[str, _Heard] = {}
        self._before: dict[str, _Heard] = {}

    def forget(self) -> None:
        """The next device on the port may be another one."""
        self._last.clear()
        self._before.clear()

    def hears(self, command: Question, reply: Reply, at_s: float) -> bool:
        """Whether the answer counts. `at_s`: monotonic seconds, when it came."""
        before, heard = self._last.get(command.name), _Heard(reply, at_s)
        self._last[command.name] = heard
        if before is None or not self._agree(command, before, heard):
            return False
        self._before[command.name] = before
        return True

    def read_by(self, profile: Profile, commands: Iterable[Question]) -> set[str]:
        """Compare by this profile from now on. The names of those of the commands whose last two answers, by
        it, do not say the same: what was believed of them is not."""
        if profile == self._profile:
            return set()
        self._profile = profile
        return {c.name for c in commands if not self._still(c)}

    def _still(self, command: Question) -> bool:
        before, last = self._before.get(command.name), self._last.get(command.name)
        return before is None or last is None or self._agree(command, before, last)

    def _agree(self, command: Question, one: _Heard, other: _Heard) -> bool:
        if _bytes(one.reply) == _bytes(other.reply):
            return True
        if one.reply.frame.error != other.reply.frame.error:
            return False
        first, second = self._state(one.reply), self._state(other.reply)
        if _still_part(first) != _still_part(second) or not _clocks_agree(first, one, second, other):
            return False
        return self._says(command, one.reply) == self._says(command, other.reply)

    def _state(self, reply: Reply) -> DeviceState:
        return self._family.read_state([reply], self._profile)

    def _says(self, command: Question, reply: Reply) -> tuple[object, int | None]:
        mask = self._family.capabilities(reply) if self._family.capabilities else None
        if command.when is not When.IDENTIFY:
            return None, mask
        try:
            return self._family.identify([reply]), mask
        except DeviceError as e:
            return str(e), mask


def _bytes(reply: Reply) -> tuple[object, ...]:
    frame = reply.frame
    return frame.command, frame.error, frame.data, frame.status


def _still_part(state: DeviceState) -> DeviceState:
    return replace(state, device_time=None, supply_voltage=None)


def _clocks_agree(first: DeviceState, one: _Heard, second: DeviceState, other: _Heard) -> bool:
    if first.device_time is None or second.device_time is None:
        return first.device_time is second.device_time
    went_s = (second.device_time - first.device_time).total_seconds()
    return abs(went_s - (other.at_s - one.at_s)) <= CLOCK_S
