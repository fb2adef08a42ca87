"""A late ESC/POS answer names no question: it must not be taken for that of the next one."""

from dataclasses import replace
from types import TracebackType
from typing import Self

import pytest

from agent.devices.interview import Interview
from agent.runtime.clock import SystemClock
from protocols.device.escpos import FAMILY
from protocols.device.family import Family, When

COVER, PAPER = FAMILY.commands(When.POLL)[1:3]


class LatePort:
    """Answers the first question at once; the answers to the second come when the third is asked."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self._coming: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.written.append(data)
        late = {b"\x10\x04\x01": b"\x12", b"\x10\x04\x04": b"\x16\x16\x16\x12"}
        self._coming += [late[data]] if data in late else []

    def read(self, wait_s: float) -> bytes:
        return self._coming.pop(0) if self._coming else b""

    def contended(self) -> bool:
        return False

    def close(self) -> None:
        self._coming.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@pytest.mark.parametrize(
    "family", [FAMILY, replace(FAMILY, unmarked_answers=False)], ids=["as is", "defence off"]
)
def test_after_a_silence_nothing_more_is_asked(family: Family) -> None:
    port = LatePort()
    answers = Interview(family, SystemClock()).ask(port, FAMILY.commands(When.POLL))
    assert COVER.name in answers.unanswered
    asked_on = b"\x10\x04\x04" in port.written
    assert asked_on is not family.unmarked_answers
    assert (PAPER.name in answers.replies) is asked_on
