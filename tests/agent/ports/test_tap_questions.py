"""What the agent puts in: between whole commands of the cash program, or not at all; and every byte goes to
whom it belongs."""

import os
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.ports import tap_client
from agent.ports import tap_wire as wire
from agent.ports.tap_client import TapClient
from agent.ports.tap_port import TapPort
from protocols.device.escpos_overhear import EscPosOverhearing
from protocols.device.family import Reply
from protocols.device.overhear import SILENCE_S, Kick, Shape
from protocols.device.registry import FAMILIES
from protocols.errors import PortGone, PortHeld, Rejected
from tests.agent.ports.tapped import LONG_S, Rig, read, until
from tests.emulators.escpos import EscPos

ASK, WELL, OUT = b"\x10\x04\x01", b"\x12", b"\x72"
INIT = b"\x1b@"
STATUS = Shape(0x93, 0x12)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    made.close()


@pytest.fixture
def tapped(rig: Rig) -> Rig:
    rig.plug_in()
    rig.start()
    return rig


def begun(rig: Rig, client: TapClient) -> int:
    """The cash program's end, with the line known to be between commands."""
    pause(SILENCE_S + 0.1)
    pos = rig.end()
    os.write(pos, INIT)
    until(lambda: not client._overhearing.doubt(float("inf")))
    return pos


def pause(seconds: float) -> None:
    threading.Event().wait(seconds)


def asked(port: TapPort, question: bytes = ASK) -> bytes:
    """The answer, when the line has become still enough."""
    for _ in range(200):
        try:
            port.write(question)
        except PortHeld:
            pause(0.01)
            continue
        return port.read(1.0)
    raise AssertionError("never a gap")


class Slow(EscPos):
    """Answers when it is let; keeps every byte that came."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = bytearray()
        self.let = threading.Event()
        self.let.set()

    def answer(self, data: bytes) -> bytes:
        self.bytes += data
        answer = super().answer(data)
        if answer:
            self.let.wait(LONG_S)
        return answer


@pytest.fixture
def slow(rig: Rig) -> Slow:
    made = rig.machine = Slow()
    rig.plug_in()
    rig.start()
    return made


def test_a_question_between_commands_is_answered_to_the_agent_alone(tapped: Rig) -> None:
    client = tapped.client()
    pos = begun(tapped, client)
    assert asked(TapPort(client)) == WELL
    assert read(pos, 1, 0.1) == b""
    os.write(pos, b"\x10\x04\x04")
    assert read(pos, 2, 0.1) == WELL


def test_several_questions_follow_each_other_at_once(tapped: Rig) -> None:
    client = tapped.client()
    begun(tapped, client)
    port = TapPort(client)
    tapped.machine.set_faults({"paper_end": True})
    assert asked(port) == b"\x1a"
    for question, answer in ((b"\x10\x04\x02", b"\x32"), (b"\x10\x04\x04", OUT)):
        port.write(question)
        assert port.read(1.0) == answer


def test_nothing_is_asked_before_anything_is_known(tapped: Rig) -> None:
    port = TapPort(tapped.client())
    pause(0.1)
    with pytest.raises(PortHeld, match="not begun a job"):
        port.write(ASK)
    assert tapped.machine.received == 0


def test_the_line_must_be_still(tapped: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    client = tapped.client()
    pos = begun(tapped, client)
    asked(TapPort(client))
    os.write(pos, b"x")
    until(lambda: client.seen[1] == len(INIT) + 1)
    with monkeypatch.context() as impatient:
        impatient.setattr(tap_client, "PATIENCE_S", 0.0)
        with pytest.raises(PortHeld, match="in use a moment ago"):
            TapPort(client).write(ASK)
    TapPort(client).write(ASK)


@pytest.mark.parametrize(
    "question", [b"\x1dIC", b"\x1dr\x01", b"\x1bp\x00\x19\xfa", b"\x10\x05\x01", b"\x10\x14\x01\x00\x01"]
)
def test_what_the_printer_would_answer_at_its_leisure_is_never_put_in(tapped: Rig, question: bytes) -> None:
    client = tapped.client()
    begun(tapped, client)
    with pytest.raises(Rejected):
        TapPort(client).write(question)


HALVES = {
    "an image with a question in it": (b"\x1dv0\0\x03\0\x04\0" + b"\x10\x04\x01" * 2, b"\x10\x04\x01" * 2),
    "half of ESC *": (b"\x1b*\x00\x06\x00\x11\x22", b"\x33\x44\x55\x66"),
    "half of a cut": (b"\x1dV", b"\x00"),
    "one byte": (b"\x1b", b"a\x01"),
}


@pytest.mark.parametrize("halves", HALVES.values(), ids=HALVES.keys())
def test_in_the_middle_of_a_command_nothing_is_put_in(tapped: Rig, halves: tuple[bytes, bytes]) -> None:
    client = tapped.client()
    pos = begun(tapped, client)
    os.write(pos, halves[0])
    until(lambda: client.seen[1] == len(INIT + halves[0]))
    pause(0.15)
    with pytest.raises(PortHeld, match="middle of a command"):
        TapPort(client).write(ASK)
    os.write(pos, halves[1] + b"after\n")
    until(lambda: {"text": "after"} in tapped.machine.state()["jobs"])


def test_without_looking_for_the_boundary_the_receipt_is_damaged(
    tapped: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the test above: the question is taken for data, and what is left of the image is
    printed."""
    client = tapped.client()
    pos = begun(tapped, client)
    monkeypatch.setattr(EscPosOverhearing, "doubt", lambda self, now_s: "")
    os.write(pos, b"\x1b*\x00\x06\x00\x11\x22")
    until(lambda: client.seen[1] == len(INIT) + 7)
    pause(0.15)
    port = TapPort(client)
    port.write(ASK)
    assert port.read(0.2) == b""
    os.write(pos, b"\x33\x44\x55\x66after\n")
    until(lambda: any("after" in job.get("text", "") for job in tapped.machine.state()["jobs"]))
    assert {"text": "after"} not in tapped.machine.state()["jobs"]


def test_half_a_frame_of_a_fiscal_printer_is_left_alone(tmp_path: Path) -> None:
    rig = Rig(tmp_path, "datecs_isl_legacy")
    rig.plug_in()
    rig.start()
    codec, commands = FAMILIES[rig.family].codec, FAMILIES[rig.family].read_only_commands
    client = rig.client()
    pause(SILENCE_S + 0.1)
    pos = rig.end()
    os.write(pos, codec.encode(commands[1], 0x20))
    whole = read(pos, 200, 0.3)
    assert whole
    question = codec.encode(commands[1], 0x61)
    answer = asked(TapPort(client), question)
    assert answer[0] in b"\x01\x16"
    assert answer[-1:] == b"\x03"
    before = rig.machine.received
    frame = codec.encode(commands[0], 0x21)
    os.write(pos, frame[:5])
    until(lambda: rig.machine.received == before + 5)
    pause(0.15)
    with pytest.raises(PortHeld, match="middle of a frame"):
        TapPort(client).write(question)
    assert rig.machine.received == before + 5
    rig.close()


def test_a_cash_program_that_speaks_in_the_midst_gets_all_and_only_its_own(rig: Rig, slow: Slow) -> None:
    client = rig.client()
    pos = begun(rig, client)
    asked(TapPort(client))
    slow.bytes.clear()
    slow.let.clear()
    port = TapPort(client)
    port.write(ASK)
    os.write(pos, b"Kafija\n\x10\x04\x04")
    pause(0.03)
    assert bytes(slow.bytes) == ASK, "what it sends waits while the answer is awaited"
    slow.let.set()
    assert port.read(1.0) == WELL
    assert read(pos, 2, 0.3) == WELL
    assert bytes(slow.bytes) == ASK + b"Kafija\n\x10\x04\x04"
    assert {"text": "Kafija"} in slow.jobs


def test_automatic_status_in_the_midst_goes_to_the_cash_program(tapped: Rig) -> None:
    client = tapped.client()
    pos = begun(tapped, client)
    os.write(pos, b"\x1da\xff")
    assert read(pos, 4) == b"\x10\x00\x00\x00"
    tapped.machine.set_behaviour({"asb_before": 1})
    assert asked(TapPort(client)) == WELL
    assert read(pos, 5, 0.1) == b"\x10\x00\x00\x00"


def test_a_lease_ends_by_itself_and_the_late_answer_is_nobody_elses(rig: Rig, slow: Slow) -> None:
    client = rig.client()
    pos = begun(rig, client)
    asked(TapPort(client))
    slow.let.clear()
    port = TapPort(client)
    port.write(ASK)
    os.write(pos, b"x\n")
    assert port.read(1.0) == b"", "the time is over"
    with pytest.raises(PortHeld, match="still awaited"):
        port.write(ASK)
    slow.let.set()
    assert read(pos, 1, 0.2) == b""
    os.write(pos, b"\x10\x04\x04")
    assert read(pos, 2, 0.2) == WELL
    assert {"text": "x"} in slow.jobs


def test_a_cash_program_is_never_held_for_long(rig: Rig, slow: Slow) -> None:
    client = rig.client()
    pos = begun(rig, client)
    asked(TapPort(client))
    slow.behaviour["silent"] = 1
    held_s = []
    for _ in range(3):
        before, began = slow.received, _now_s()
        try:
            TapPort(client).write(ASK)
        except PortHeld:
            pause(0.6)
            continue
        os.write(pos, b"\n")
        until(lambda b=before: slow.received > b + 3)  # type: ignore[misc]
        held_s.append(_now_s() - began)
        pause(0.7)
    assert held_s
    assert max(held_s) < 2.0, (
        "0.1 s by rule, the rest is the machine's; without the end of a lease it is for ever"
    )


def _now_s() -> float:
    import time  # noqa: PLC0415

    return time.perf_counter()


class Raw:
    """An agent that can die at any moment: a bare connection."""

    def __init__(self, rig: Rig) -> None:
        self.end = rig.connection()
        self.end.settimeout(LONG_S)

    def ask(self, host: int, data: bytes = ASK) -> wire.Record:
        self.end.send(wire.request(wire.Ask(host, 0, 1_000_000, wire.Rule(0x93, 0x12), data)))
        (record,) = wire.records(self.end.recv(65536))
        return record


def test_an_agent_that_dies_in_a_lease_leaves_no_trace(rig: Rig, slow: Slow) -> None:
    pos = rig.end()
    os.write(pos, INIT)
    until(lambda: slow.received == 2)
    pause(0.05)
    slow.let.clear()
    agent = Raw(rig)
    assert agent.ask(2).kind == wire.GRANTED
    os.write(pos, b"Kafija\n\x10\x04\x04")
    agent.end.close()
    pause(0.2)
    slow.let.set()
    assert read(pos, 2, 0.3) == WELL, "its own answer; ours is not among it"
    assert {"text": "Kafija"} in slow.jobs


def test_the_count_must_be_exact(tapped: Rig) -> None:
    pos = tapped.end()
    os.write(pos, INIT)
    until(lambda: tapped.machine.received == 2)
    pause(0.05)
    for host in (0, 1, 3, 2**40):
        assert Raw(tapped).ask(host).kind == wire.REFUSED
    assert Raw(tapped).ask(2, data=bytes(300)).kind == wire.REFUSED
    assert tapped.machine.received == 2
    assert Raw(tapped).ask(2).kind == wire.GRANTED


def test_two_agents_do_not_meet(rig: Rig, slow: Slow) -> None:
    rig.end()
    pause(0.05)
    slow.let.clear()
    first, second = Raw(rig), Raw(rig)
    assert first.ask(0).kind == wire.GRANTED
    assert second.ask(0).kind == wire.REFUSED
    slow.let.set()
    (answer, *_) = wire.records(first.end.recv(65536))
    assert (answer.kind, answer.data) == (wire.ANSWER, WELL)


@pytest.mark.parametrize("packet", [b"\xff", b"\x03", b"\x03" * 40 + b"\xff" * 300, bytes(512), b"\x04\x00"])
def test_who_speaks_another_language_is_sent_away(tapped: Rig, packet: bytes) -> None:
    end = tap_client.connect(tapped.plan.control)
    end.settimeout(LONG_S)
    end.send(packet)
    try:
        closed = end.recv(10) == b"" or packet[0] == wire.ASK
    except ConnectionResetError:
        closed = True
    assert closed
    end.close()
    pos = tapped.end()
    os.write(pos, ASK)
    assert read(pos, 1) == WELL


def test_a_listener_that_does_not_listen_is_sent_away_and_stops_nobody(tapped: Rig) -> None:
    deaf = tap_client.connect(tapped.plan.control)
    deaf.send(wire.request(wire.Plain(wire.LISTEN)))
    pos = tapped.end()
    for _ in range(40):
        _print(pos, b"x" * 2000 + b"\n" * 48)
        _print(pos, b"\0" * 2000)
        _print(pos, b"\0" * 20000)
    os.write(pos, ASK)
    assert read(pos, 1) == WELL
    deaf.settimeout(LONG_S)
    got = 0
    while packet := deaf.recv(65536):
        got += len(packet)
    assert got < 2_000_000
    deaf.close()


def _print(number: int, data: bytes) -> None:
    while data:
        data = data[os.write(number, data) :]


def test_kicks_and_answers_of_the_cash_program_are_heard(tapped: Rig) -> None:
    client = tapped.client()
    pos = begun(tapped, client)
    os.write(pos, b"\x1bp\x00\x19\xfa\x10\x04\x01")
    assert read(pos, 1) == b"\x16"
    until(lambda: len(tapped.heard) == 2)
    kick, reply = tapped.heard
    assert kick == Kick()
    assert isinstance(reply, Reply)
    assert reply.frame.status == b"\x16"


def test_what_a_kick_opened_while_no_agent_listened_is_told_to_the_next(tapped: Rig) -> None:
    first = tapped.client()
    pos = begun(tapped, first)
    asked(TapPort(first))
    until(
        lambda: tap_client.greeting(tapped.plan.control).mark == 2
    )  # the first mark is there before it goes
    first.close()
    os.write(pos, b"\x1bp\x00\x19\xfa")
    until(lambda: tap_client.greeting(tapped.plan.control).host == 7)
    tapped.heard.clear()
    second = tapped.client()
    until(lambda: tapped.heard == [Kick()])
    assert asked(TapPort(second)) == b"\x16", "and it knows where the line is"
    tapped.heard.clear()
    third = tapped.client()
    until(lambda: third.seen[1] == 7)
    assert tapped.heard == [], "once is enough"


def test_without_the_mark_an_agent_that_starts_anew_knows_nothing(
    tapped: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the test above."""
    send = TapClient._send
    monkeypatch.setattr(
        TapClient, "_send", lambda self, asked: None if isinstance(asked, wire.Mark) else send(self, asked)
    )
    first = tapped.client()
    pos = begun(tapped, first)
    asked(TapPort(first))
    first.close()
    os.write(pos, b"\x1bp\x00\x19\xfa")
    second = tapped.client()
    until(lambda: second.seen[1] == 7)
    with pytest.raises(PortHeld):
        TapPort(second).write(ASK)
    assert tapped.heard == []


def test_more_than_the_tap_keeps_is_not_pretended_to_be_known(tapped: Rig) -> None:
    first = tapped.client()
    pos = begun(tapped, first)
    asked(TapPort(first))
    first.close()
    for _ in range(30):
        _print(pos, b"x" * 3999 + b"\n")
    until(lambda: tapped.machine.received == 2 + 3 + 120_000)
    second = tapped.client()
    until(lambda: second.seen[1] == 2 + 120_000)
    with pytest.raises(PortHeld):
        TapPort(second).write(ASK)


def test_an_unplugged_printer_ends_the_knowledge(tapped: Rig) -> None:
    client = tapped.client()
    begun(tapped, client)
    asked(TapPort(client))
    tapped.unplug()
    until(lambda: bool(client._overhearing.doubt(float("inf"))))
    with pytest.raises((PortHeld, PortGone)):
        TapPort(client).write(ASK)


def test_without_a_tap_the_port_is_gone(tapped: Rig) -> None:
    client = tapped.client()
    begun(tapped, client)
    tapped.kill()
    until(lambda: not client.alive)
    with pytest.raises(PortGone):
        TapPort(client).write(ASK)
    with pytest.raises(PortGone):
        tapped.client()


def test_the_answers_of_a_hundred_questions_and_a_busy_cash_program_are_kept_apart(rig: Rig) -> None:
    """The cash program asks about the roll, the agent about the printer: the two answers differ, and each
    gets its own, whenever the two come close."""
    rig.machine.set_faults({"paper_near_end": True})
    rig.plug_in()
    rig.start()
    client = rig.client()
    pos = begun(rig, client)
    stop, wrong, count = threading.Event(), [], [0]

    def cash_program() -> None:
        seed = 7
        while not stop.is_set():
            os.write(pos, b"\x10\x04\x04")
            got = read(pos, 1, 2.0)
            count[0] += 1
            if got != b"\x1e":
                wrong.append(got)
            seed = seed * 1103515245 + 12345 & 0x7FFFFFFF
            stop.wait(0.04 + (seed >> 16) % 40 / 1000)

    thread = threading.Thread(target=cash_program)
    thread.start()
    port, answers = TapPort(client), 0
    for _ in range(3000):
        if answers >= 100 and count[0] >= 30:
            break
        pause(0.003)
        try:
            port.write(ASK)
        except PortHeld:
            continue
        answer = port.read(1.0)
        assert answer in (WELL, b""), "on a machine that is busy the time may be over before the answer comes"
        answers += answer == WELL
    stop.set()
    thread.join(LONG_S)
    assert not wrong
    assert answers >= 100
    assert count[0] >= 30


def test_a_record_that_is_cut_is_no_record() -> None:
    whole = wire.record(wire.HOST, 5, 6, b"abc")
    assert [r.data for r in wire.records(whole * 2)] == [b"abc", b"abc"]
    for size in range(1, len(whole)):
        with pytest.raises((ValueError, struct.error)):
            list(wire.records(whole[:size]))
