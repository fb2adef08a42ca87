"""How a till asks a relay for a tunnel to the collector, and how the relay lets it through: HTTP CONNECT (RFC 9110
section 9.3.6) with a challenge that a member of the site signs. After it nobody speaks here but TLS."""

import re
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.clock import Clock
from agent.uplink.connection import Dial
from agent.uplink.relay_tunnel import at_once
from protocols.errors import ReportRefused
from protocols.wire.relay import SCHEME, Keys, Passage

HEAD_BYTES = 2048
_LINE = re.compile(r"CONNECT ([!-~]{1,300}) HTTP/1\.1")
_STATUS = re.compile(r"HTTP/1\.1 (\d{3}) ([ -~]{0,200})")
_PARAMETER = re.compile(r'([a-z]+)="([!#-\[\]-~]{1,200})"')
_REASONS = {
    200: "Through", 400: "Not understood", 403: "Refused", 405: "Only CONNECT", 407: "Who are you",
    502: "No way", 503: "Full",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Me:
    """This terminal, its key as it is now, and its collector as `host:port`."""

    terminal: str
    key: Callable[[], Ed25519PrivateKey]
    collector: str


class Refused(OSError):
    """The passage is not given. Server side: `status` is what the till is told."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(f"the relay refuses: {why} ({status})")
        self.status = status


@dataclass(frozen=True, slots=True)
class Line:
    """One TCP connection on which nothing takes longer than until `until_s`, whatever the other side does."""

    socket: socket.socket
    clock: Clock
    until_s: float

    def head(self) -> list[str]:
        """The lines up to the empty one. Refused where it is longer than HEAD_BYTES, is not text, or where anything
        comes after it; TimeoutError; ConnectionError where the other side hangs up."""
        got = b""
        while not got.endswith(b"\r\n\r\n"):
            self._bound()
            more = self.socket.recv(HEAD_BYTES + 1 - len(got))
            if not more:
                raise ConnectionAbortedError("the other side hung up")
            got += more
            if len(got) > HEAD_BYTES or b"\r\n\r\n" in got[:-4]:
                raise Refused(400, "a short head is spoken here, and nothing after it")
        if not got.isascii():
            raise Refused(400, "this is no head")
        return got[:-4].decode("ascii").split("\r\n")

    def send(self, *lines: str) -> None:
        self._bound()
        self.socket.sendall("".join(f"{line}\r\n" for line in (*lines, "")).encode("ascii"))

    def answer(self, status: int, *headers: str) -> None:
        self.send(
            f"HTTP/1.1 {status} {_REASONS[status]}",
            *headers,
            *(["Content-Length: 0"] if status != 200 else []),
        )

    def left_s(self) -> float:
        """TimeoutError where nothing is."""
        left_s = self.until_s - self.clock.monotonic()
        if left_s <= 0:
            raise TimeoutError("the passage took too long")
        return left_s

    def _bound(self) -> None:
        self.socket.settimeout(self.left_s())


@dataclass(frozen=True, slots=True)
class Guard:
    """The relay's side. `collector` (`host:port`) is the only place that anybody is let through to."""

    relay: str
    collector: str
    keys: Callable[[], Keys]

    def admit(self, line: Line) -> str:
        """The terminal that may go through; it still waits for the 200. Refused, with what it is to be told."""
        self._target(line.head()[0])
        nonce = secrets.token_urlsafe(24)
        line.answer(407, f'Proxy-Authenticate: {SCHEME} relay="{self.relay}", nonce="{nonce}"')
        first, *headers = line.head()
        self._target(first)
        given = _parameters(headers, "proxy-authorization")
        terminal = given.get("terminal", "")
        passage = Passage(self.relay, nonce, terminal, self.collector)
        try:
            passage.check(given.get("signature", ""), self.keys())
        except ReportRefused as e:
            raise Refused(403, str(e)) from e
        return terminal

    def _target(self, line: str) -> None:
        match = _LINE.fullmatch(line)
        if not match:
            raise Refused(405 if re.match(r"[A-Z]+ ", line) else 400, "only CONNECT is spoken here")
        if match[1].lower() != self.collector.lower():
            raise Refused(403, "this relay leads to its own collector and nowhere else")


def dial(address: tuple[str, int], relay: str, me: Me, clock: Clock) -> Dial:
    """The till's side: TCP to the relay, and through it to the collector. `relay`: the terminal that must be asking;
    who else asks for a signature gets none."""

    def open_within(timeout_s: float) -> socket.socket:
        until_s = clock.monotonic() + timeout_s
        connected = socket.create_connection(address, timeout_s)
        try:
            _ask(Line(connected, clock, until_s), relay, me)
        except OSError:
            connected.close()
            raise
        connected.settimeout(timeout_s)
        at_once(connected)
        return connected

    return open_within


def _ask(line: Line, relay: str, me: Me) -> None:
    request = f"CONNECT {me.collector} HTTP/1.1", f"Host: {me.collector}"
    line.send(*request)
    status, headers = _status(line.head())
    if status != 407:
        raise Refused(status, "it asked nobody who we are")
    given = _parameters(headers, "proxy-authenticate")
    if given.get("relay") != relay or not given.get("nonce"):
        raise Refused(status, "another one answers there than was elected")
    signature = Passage(relay, given["nonce"], me.terminal, me.collector).signed(me.key())
    line.send(*request, f'Proxy-Authorization: {SCHEME} terminal="{me.terminal}", signature="{signature}"')
    status, _ = _status(line.head())
    if status != 200:
        raise Refused(status, _REASONS.get(status, "it does not say why"))


def _status(head: list[str]) -> tuple[int, list[str]]:
    match = _STATUS.fullmatch(head[0])
    if not match:
        raise Refused(400, "no relay answers there")
    return int(match[1]), head[1:]


def _parameters(headers: list[str], name: str) -> dict[str, str]:
    """Those of our scheme in the header of this name; none where it is not there."""
    for header in headers:
        key, _, value = header.partition(": ")
        scheme, _, rest = value.partition(" ")
        if key.lower() == name and scheme == SCHEME:
            return dict(_PARAMETER.findall(rest))
    return {}
