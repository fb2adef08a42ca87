"""What may be learnt from a line that the cash program uses: whether it is between whole commands, which
drawer kicks went by, and what the device told by itself. Looks only; `escpos_overhear.py` and
`framed_overhear.py` do it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from protocols.device.family import Reply

SILENCE_S = 0.5
"""No byte of the cash program for so long: what comes next begins something, or goes on with what was cut."""


@dataclass(frozen=True, slots=True)
class Kick:
    """The cash program told the drawer to open. Whether the device did so is not known."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Which bytes of the device are the answer to one question: from the first with `byte & mask == value`;
    through the first `until`, or that one byte where it is None."""

    mask: int
    value: int
    until: int | None = None


Heard = Kick | Reply


class Overhearing(Protocol):
    """One line. `host` and `device` get what went by, in pieces of any size, in its order; times are
    monotonic seconds. No bytes make any of them raise, and no more than some thousand are kept."""

    def host(self, data: bytes, at_s: float) -> Sequence[Heard]: ...

    def device(self, data: bytes, at_s: float) -> Sequence[Heard]: ...

    def lost(self, at_s: float, why: str) -> None:
        """Bytes went by unheard, or there may be another device: nothing is known until the line shows where
        it is. `at_s`: when the line was last used."""

    def found(self, at_s: float) -> None:
        """It is known from before that the line is between whole commands here."""

    def doubt(self, now_s: float) -> str:
        """Why a question may not be put in now, in words; "" where the line is known to be between whole
        commands and no answer is awaited."""

    def shape(self, request: bytes) -> Shape | None:
        """What the answer to this question looks like; None where it may never be put between the commands of
        others."""
