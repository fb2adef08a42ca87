"""A Star receipt printer in Star Line Mode with a cash drawer, from the STAR Line Mode and Graphic Mode Command
Specifications. It prints into a list of jobs. Buffered commands wait while it is offline; real-time commands do
not."""

import sys
from collections.abc import Callable
from typing import Any, ClassVar

from tests.emulators.machine import Machine
from tests.emulators.runner import main

_STOPS = ("paper_end", "cover_open", "offline", "cutter_error", "mechanism_error", "head_overheat")
_NEAR_END = "paper_near_end"

# Arguments after the head of a command, where their number is fixed. The first of these are real-time.
_REAL_TIME = {b"\x1b\x06\x01": 0, b"\x1b\x06\x18": 0, b"\x05": 0, b"\x04": 0, b"\x1c": 0, b"\x19": 0}
_BUFFERED = {
    b"\x1b\x1d)I": 3, b"\x1b\x1d\x07": 3, b"\x1b\x1d\x03": 3, b"\x1b\x1da": 1, b"\x1b\x1dt": 1, b"\x1b#*": 2,
    b"\x1b\x1ea": 1, b"\x1b\x1eE": 1, b"\x1b\x1eF": 1, b"\x1b\x1ed": 1, b"\x1b\x07": 2, b"\x1b@": 0,
    b"\x1b?": 2, b"\x1bd": 1, b"\x1ba": 1, b"\x1bi": 2, b"\x1bR": 1, b"\x1bE": 0, b"\x1bF": 0, b"\x1b4": 0,
    b"\x1b5": 0, b"\x07": 0, b"\x17": 0, b"\x18": 0, b"\x1a": 0,
}  # fmt: skip

FORBIDDEN_EXAMPLES = {
    "kick": b"\x07",
    "kick at once": b"\x1c",
    "kick 2": b"\x1a",
    "kick 2 at once": b"\x19",
    "drawer pulse": b"\x1b\x07\x14\x14",
    "automatic status on": b"\x1b\x1ea\x01",
    "automatic status off": b"\x1b\x1ea\x00",
    "count ETB": b"\x17",
    "clear the ETB counter": b"\x1b\x1eE\x00",
    "initialise": b"\x1b@",
    "cancel": b"\x18",
    "reset at once": b"\x1b\x06\x18",
    "reset": b"\x1b?\n\x00",
    "cut": b"\x1bd\x02",
    "text": b"hello\n",
    "status byte ENQ": b"\x05",
    "status byte EOT": b"\x04",
    "other information": b"\x1b\x1d)I\x01\x000",
}
"""Bytes that a monitor must never send; each is to be recorded."""


class StarLine(Machine):
    """`drawer_open` is a fault by name, for the drawer is what it is: a kick opens it, and a person closes it by
    switching the fault off. A model without a near-end sensor has no such fault. The behaviour `network` answers
    in the form of Ethernet lines."""

    family = "star_line"
    models = ("TSP100IIIBI", "TSP700II", "TSP700", "TUP900")
    faults_known = (*_STOPS, "drawer_open")
    behaviours_known = (
        "wrong_pattern", "wrong_length", "asb_before", "no_identity", "drawer_open_is_low", "network",
    )  # fmt: skip
    headers: ClassVar[dict[str, bytes]] = {"TSP700": b"\x0f\x02"}
    firmware: ClassVar[str] = "2.0"
    serial: ClassVar[str] = "2560918070600123"

    def __init__(self, model: str = "") -> None:
        super().__init__(model)
        if not self._is_tsp100():
            self.faults_known = (*self.faults_known, _NEAR_END)  # type: ignore[misc] # by model
        self.jobs: list[dict[str, Any]] = []
        self.etb = 0
        self._etb_done = False
        self._buffer = b""
        self._waiting: list[Callable[[], bytes]] = []
        self._text = bytearray()
        self._automatic = False

    def answer(self, data: bytes) -> bytes:
        self._buffer += data
        out = b""
        while self._buffer:
            taken = self._take(self._buffer)
            if taken is None:
                return out
            size, action, real_time = taken
            self._buffer = self._buffer[size:]
            if real_time or not self._stopped():
                out += action()
            else:
                self._waiting.append(action)
        return out

    def changed(self) -> None:
        """Online again: what waited is done now."""
        out = b""
        if not self._stopped():
            waiting, self._waiting = self._waiting, []
            out = b"".join(action() for action in waiting)
        if self._automatic:
            out = self._status() + out
        if out and not self.behaves("silent"):
            self.send(out)

    def state(self) -> dict[str, Any]:
        return super().state() | {
            "drawer_open": "drawer_open" in self.faults,
            "online": not self._stopped(),
            "jobs": list(self.jobs[-50:]),
            "waiting": len(self._waiting),
        }

    # Taking the stream apart: (size, what to do, at once even when offline); None while bytes are missing.

    def _take(self, raw: bytes) -> tuple[int, Callable[[], bytes], bool] | None:
        known = _REAL_TIME | _BUFFERED
        head = next((head for head in known if raw.startswith(head)), None)
        if head is None:
            partial = any(head.startswith(raw) for head in known)
            return None if partial else (1, lambda: self._print(raw[:1]), False)
        size = len(head) + known[head]
        return (size, lambda: self._do(raw[:size]), head in _REAL_TIME) if len(raw) >= size else None

    # Doing

    def _do(self, command: bytes) -> bytes:
        if command == b"\x1b\x06\x01":
            return self._before() + self._status()
        if command == b"\x1b#*\n\0":
            return self._version()
        if command == b"\x1b\x1d)I\x01\x001" and self._is_tsp100():
            return self._information()
        self._forbid(command)
        self._act(command)
        return self._byte(command)

    def _act(self, command: bytes) -> None:
        if command in (b"\x07", b"\x1c"):
            self._kick()
        elif command == b"\x17":
            self.etb, self._etb_done = (self.etb + 1) % 32, True
        elif command.startswith(b"\x1bd"):
            self._flush()
            self.jobs.append({"cut": command[2]})
        elif command.startswith(b"\x1b\x1ea"):
            self._automatic = bool(command[3])

    def _byte(self, command: bytes) -> bytes:
        near, end = _NEAR_END in self.faults, "paper_end" in self.faults
        if command == b"\x05":
            return bytes([0x80 * self._contact() | 0x20 | 0x08 * end])
        if command == b"\x04":
            return bytes([0x10 | 0x04 * near | 0x08 * end])
        return self._status() if command == b"\x1b\x1ea\x01" else b""

    def _print(self, byte: bytes) -> bytes:
        if not self._text:
            self._forbid(b"text")
        self._text += byte
        if byte == b"\n":
            self._flush()
        return b""

    def _flush(self) -> None:
        if self._text:
            self.jobs.append({"text": self._text.decode("cp437").rstrip("\n")})
            self._text.clear()

    def _forbid(self, command: bytes) -> None:
        self.forbidden.append("text" if command == b"text" else command[:8].hex(" ").upper())

    def _kick(self) -> None:
        self._flush()
        self.jobs.append({"kick": "BEL"})
        self.faults.add("drawer_open")
        self.changed()

    # Answering

    def _is_tsp100(self) -> bool:
        return self.model.startswith("TSP100")

    def _stopped(self) -> bool:
        return any(name in self.faults for name in _STOPS)

    def _contact(self) -> bool:
        if self.model == "TUP900":
            return False
        return ("drawer_open" in self.faults) != bool(self.behaves("drawer_open_is_low"))

    def _before(self) -> bytes:
        return self._status() if self.behaves("asb_before") else b""

    def _status(self, extra: bytes = b"") -> bytes:
        has = self.faults.__contains__
        header = bytearray(self.headers.get(self.model, b"\x23\x06"))
        size = 7 if header[0] == 0x0F else 9
        body = [
            0x02 * self._etb_done
            | 0x04 * self._contact()
            | 0x08 * self._stopped()
            | 0x20 * has("cover_open"),
            0x08 * has("cutter_error") | 0x20 * has("mechanism_error") | 0x40 * has("head_overheat"),
            0,
            0x04 * has(_NEAR_END) | 0x08 * has("paper_end"),
            0,
            (self.etb & 0x07) << 1 | (self.etb & 0x18) << 2,
            0,
        ]
        self._etb_done = False
        if self.behaves("network"):
            header[1] |= 0x80
        if self.behaves("wrong_length"):
            header[0] = 0x0D
        if self.behaves("wrong_pattern"):
            body[3] |= 0x10
        length = len(extra).to_bytes(2, "big") if self.behaves("network") else b""
        return bytes(header) + bytes(body[: size - 2]) + length + extra

    def _version(self) -> bytes:
        text = f"{self.model}Ver{self.firmware}".encode()
        return self._said(b"11", b"\x1b#*," + text + b"\n\0", text)

    def _information(self) -> bytes:
        tags = f"PrHwV=1.0,PrSrN={self.serial},BtDvN=Star Micronics".encode() + b"\0\0"
        return self._said(b"A1", b"\x1b\x1d)I\x01\x001" + tags + b"\n\0", tags)

    def _said(self, kind: bytes, marked: bytes, text: bytes) -> bytes:
        if self.behaves("no_identity"):
            return b""
        if not self.behaves("network"):
            return marked
        return self._status(kind + b":B" + len(text).to_bytes(2, "big") + text + b";")


if __name__ == "__main__":
    sys.exit(main(StarLine))
