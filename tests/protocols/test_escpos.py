"""ESC/POS: answers that name no question, and everything that must not be taken for one."""

from collections.abc import Callable, Sequence

import pytest

from agent.devices import profile_store
from protocols.device.escpos import FAMILY, WEAR
from protocols.device.escpos_exchange import Kind, buffered
from protocols.device.exchange import Done, Exchange, Frame, Wait, Write
from protocols.device.family import Command, Direction, Reply, Unparsed, When
from protocols.device.unmarked_exchange import Question, Script
from protocols.errors import Busy, DeviceError, Garbled, NoReply
from protocols.status.faults import present
from tests.emulators.escpos import EscPos
from tests.links import Talk, plain

PROFILES = profile_store.load()[FAMILY.name]
IDENTITY = FAMILY.commands(When.IDENTIFY)[0]
POLL = FAMILY.commands(When.POLL)
PIN_3_BUFFERED = next(c for c in FAMILY.read_only_commands if c.name == "drawer connector, buffered")
PAPER_BUFFERED = next(c for c in FAMILY.read_only_commands if c.name == "paper sensor, buffered")


def exchange(command: Command = POLL[0]) -> Exchange:
    return FAMILY.codec.exchange(command, 0)


def talk(machine: EscPos, command: Command) -> Talk:
    return Talk(exchange(command), machine.receive, plain())


def started(command: Command = POLL[0]) -> Exchange:
    found = exchange(command)
    found.start()
    return found


def status(machine: EscPos) -> list[Reply]:
    return [Reply(talk(machine, command).run(), command.request()) for command in POLL]


@pytest.mark.parametrize(
    ("fault", "codes"),
    [
        ("paper_near_end", ["printer.paper_near_end"]),
        ("paper_end", ["printer.paper_end", "printer.offline"]),
        ("cover_open", ["printer.cover_open", "printer.offline"]),
        ("cutter_error", ["printer.cutter_error", "printer.offline"]),
        ("mechanism_error", ["printer.mechanism_error", "printer.offline"]),
        ("head_overheat", ["printer.head_overheat", "printer.offline"]),
        ("offline", ["printer.offline"]),
        ("drawer_open", []),
    ],
)
def test_every_fault_is_seen_and_its_end_too(fault: str, codes: list[str]) -> None:
    machine = EscPos()
    machine.set_faults({fault: True})
    assert present(FAMILY.read_state(status(machine), PROFILES.common)) == codes
    machine.set_faults({fault: False})
    assert present(FAMILY.read_state(status(machine), PROFILES.common)) == []


@pytest.mark.parametrize("low", [False, True])
def test_the_drawer_is_a_level_not_a_state(low: bool) -> None:
    machine = EscPos()
    machine.set_behaviour({"drawer_open_is_low": low})
    machine.set_faults({"drawer_open": True})
    state = FAMILY.read_state(status(machine), PROFILES.common)
    assert state.drawer_sensor_high is not low
    assert state.drawer_open is None


@pytest.mark.parametrize(
    "rubbish",
    [
        b"\x10\x00\x00\x00",
        b"\x38\x00\x00\x00",
        b"\x18\x00\x0f\x00",
        b"\x18\x13\x00\x0f\x11\x00",
        b"_TM-T20II2\x00",
        b"\x11",
        b"\x13",
        b"\x00",
        b"\x92",
        b"\x13\x11\x00\x03\x0c",
    ],
)
def test_what_is_no_answer_is_passed_over(rubbish: bytes) -> None:
    """Automatic status, a late identification that holds a 2 (32h looks like an answer), flow control,
    noise."""
    poll = started()
    assert poll.receive(rubbish) == Wait(0.5)
    step = poll.receive(b"\x1a")
    assert isinstance(step, Done)
    assert step.frame.status == b"\x1a"


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_half_an_automatic_status_is_not_half_read(cut: int) -> None:
    poll = started()
    frame = b"\x18\x00\x0f\x00"
    assert poll.receive(frame[:cut]) == Wait(0.5)
    assert poll.receive(frame[cut:]) == Wait(0.5)
    assert isinstance(poll.receive(b"\x12"), Done)


def test_half_a_block_is_lost_with_the_silence_not_read_as_status() -> None:
    poll = started()
    assert poll.receive(b"_TM-T2") == Wait(0.5)
    assert poll.silence() == Write(b"\x10\x04\x01", 0.5)


def test_after_a_repeat_no_answer_is_left_for_the_next_question() -> None:
    poll = started()
    assert isinstance(poll.silence(), Write)
    assert poll.receive(b"\x16") == Wait(0.5)
    step = poll.receive(b"\x12")
    assert isinstance(step, Done)
    assert step.frame.status == b"\x12"


def test_after_a_repeat_one_answer_and_silence_is_enough() -> None:
    poll = started()
    poll.silence()
    poll.receive(b"\x16")
    assert isinstance(poll.silence(), Done)


def test_wrong_fixed_bits_are_no_answer() -> None:
    machine = EscPos()
    machine.set_behaviour({"wrong_pattern": True})
    with pytest.raises(Garbled):
        talk(machine, POLL[0]).run()


def test_automatic_status_that_somebody_switched_on_does_not_disturb() -> None:
    machine = EscPos()
    machine.set_behaviour({"asb_before": True})
    machine.set_faults({"cover_open": True})
    assert present(FAMILY.read_state(status(machine), PROFILES.common)) == [
        "printer.cover_open",
        "printer.offline",
    ]


def test_a_printer_that_does_not_say_who_it_is_is_no_fault() -> None:
    machine = EscPos()
    machine.set_behaviour({"no_identity": True})
    conversation = talk(machine, IDENTITY)
    frame = conversation.run()
    assert FAMILY.identify([Reply(frame, IDENTITY.request())]).model == ""
    assert len(conversation.written) == 2  # nothing more is asked after the first silence


@pytest.mark.parametrize("fault", ["paper_end", "cover_open", "offline"])
def test_nothing_is_left_in_the_buffer_of_a_printer_that_is_offline(fault: str) -> None:
    machine = EscPos()
    machine.set_faults({fault: True})
    assert FAMILY.identify([Reply(talk(machine, IDENTITY).run(), IDENTITY.request())]).model == ""
    with pytest.raises(Busy):
        talk(machine, PAPER_BUFFERED).run()
    assert machine.state()["waiting"] == 0


def test_an_identification_that_comes_late_is_not_taken_for_the_next() -> None:
    """The first question falls silent; what comes after that belongs to nobody."""
    asking = started(IDENTITY)
    assert asking.receive(b"\x12") == Write(b"\x1dIC", 1.0)
    step = asking.silence()
    assert isinstance(step, Done)
    assert step.frame.data == b""


def test_an_identification_from_before_is_dropped() -> None:
    asking = started(IDENTITY)
    asking.receive(b"_OLD\x00")
    assert asking.receive(b"\x12") == Write(b"\x1dIC", 1.0)
    assert asking.receive(b"_TM-T20III\x00") == Write(b"\x1dIC", 1.0)
    asking.receive(b"_TM-T20III\x00")
    step = asking.silence()
    assert isinstance(step, Done)
    assert step.frame.data == b"TM-T20III\x00"


class Behind:
    """A printer that still owes answers to questions of an earlier exchange: it was printing then. Real-time
    status overtakes them; each buffered question gets the oldest answer that is owed."""

    def __init__(self, *owed: bytes, model: str = "TM-T90") -> None:
        self.machine = EscPos(model)
        self.owed = list(owed)

    def receive(self, data: bytes) -> bytes:
        if data.startswith(b"\x10"):
            return self.machine.receive(data)
        late, self.owed = b"".join(self.owed), []
        return late + self.machine.receive(data)


class OneByOne(Behind):
    """The same, where each owed answer comes alone and the newest stays owed."""

    def receive(self, data: bytes) -> bytes:
        if data.startswith(b"\x10"):
            return self.machine.receive(data)
        self.owed.append(self.machine.receive(data))
        return self.owed.pop(0)


def all_owed(exchange: Exchange, printer: OneByOne) -> Frame:
    """Runs the exchange; what is owed at the end comes before the line falls silent."""
    step = exchange.start()
    while not isinstance(step, Done):
        if isinstance(step, Write):
            step = exchange.receive(printer.receive(step.data))
        else:
            step = exchange.receive(printer.owed.pop(0)) if printer.owed else exchange.silence()
    return step.frame


MODEL, MAKER, SERIAL, FIRMWARE = b"_TM-T90\0", b"_EPSON\0", b"_X4TJ012345\0", b"_1.06 ESC/POS\0"
COUNTER, PAPER, PIN_3 = b"_54321\0", b"\x0c", b"\x01"
BUFFERED = [c for c in FAMILY.read_only_commands if c.code != POLL[0].code]


def told(command: Command, printer: Behind) -> Frame | None:
    """What the exchange says in the end; None where it finds that an answer is stale."""
    try:
        if isinstance(printer, OneByOne):
            return all_owed(exchange(command), printer)
        return Talk(exchange(command), printer.receive, plain()).run()
    except Garbled:
        return None


@pytest.mark.parametrize("command", BUFFERED, ids=[c.name for c in BUFFERED])
@pytest.mark.parametrize("late", [MODEL, MAKER, SERIAL, FIRMWARE, COUNTER, PAPER, PIN_3, b"\0"])
@pytest.mark.parametrize("kind", [Behind, OneByOne])
def test_a_late_answer_is_never_taken_for_that_of_the_newest_question(
    command: Command, late: bytes, kind: type[Behind]
) -> None:
    """Either nothing is told, or what is told is true."""
    truth = told(command, Behind())
    assert truth
    assert told(command, kind(late)) in (truth, None)


@pytest.mark.parametrize("late", [SERIAL, MODEL])
def test_without_asking_twice_and_a_fence_it_would_be(late: bytes) -> None:
    """The control: the same questions, each once, and the end not awaited."""
    requests = [b"\x1dI" + bytes([n]) for n in IDENTITY.data]

    def ask(answers: Sequence[bytes]) -> Question | None:
        return Question(requests[len(answers)], Kind.BLOCK) if len(answers) < len(requests) else None

    def build(answers: Sequence[bytes]) -> Frame:
        return Frame(None, IDENTITY.code, data=b"".join(answer + b"\0" for answer in answers))

    naive = buffered(Script(ask, build, optional=True))
    wrong = FAMILY.identify([Reply(all_owed(naive, OneByOne(late)), IDENTITY.request())])
    assert (wrong.maker, wrong.serial) == ("TM-T90", "EPSON")
    with pytest.raises(Garbled):
        all_owed(exchange(IDENTITY), OneByOne(late))


@pytest.mark.parametrize("late", [b"\x0f", b"\x00"])
def test_without_asking_twice_a_sensor_would_lie(late: bytes) -> None:
    """The control for GS r: one byte, whoever asked for it."""
    ask: Callable[[Sequence[bytes]], Question | None] = lambda answers: (  # noqa: E731
        None if answers else Question(b"\x1dr\x02", Kind.PLAIN)
    )
    naive = buffered(Script(ask, lambda answers: Frame(None, PIN_3_BUFFERED.code, status=answers[0])))
    printer = OneByOne(late)
    printer.machine.set_faults({"drawer_open": True})
    frame = all_owed(naive, printer)
    assert frame.status == late != b"\x01"
    printer = OneByOne(late)
    printer.machine.set_faults({"drawer_open": True})
    with pytest.raises(Garbled):
        all_owed(exchange(PIN_3_BUFFERED), printer)


def test_two_answers_at_once_to_one_question_are_stale() -> None:
    asking = started(IDENTITY)
    asking.receive(b"\x12")
    with pytest.raises(Garbled) as caught:
        asking.receive(MODEL + MODEL)
    assert caught.value.code == "device.stale_reply"


# Wear counters


def test_a_model_whose_counters_are_known_tells_how_worn_it_is() -> None:
    machine = EscPos("TM-T90")
    frame = talk(machine, WEAR).run()
    assert FAMILY.counters
    assert dict(FAMILY.counters([Reply(frame, WEAR.request())])) == {
        "line_feeds": 1234567,
        "head_pulses": 7654321,
        "cuts": 54321,
        "running_h": 8760,
    }
    assert machine.forbidden == []


@pytest.mark.parametrize("model", ["TM-T20III", "TM-T88V"])
def test_no_other_model_is_asked_for_counters(model: str) -> None:
    """One without the command prints what follows it, or counts in other units."""
    machine = EscPos(model)
    conversation = talk(machine, WEAR)
    frame = conversation.run()
    assert set(conversation.written) == {b"\x10\x04\x01", b"\x1dIC"}
    assert FAMILY.counters
    assert FAMILY.counters([Reply(frame, WEAR.request())]) == {}
    assert machine.forbidden == []


def test_a_printer_that_knows_some_counters_tells_these() -> None:
    machine = EscPos("TM-T90")
    machine.counters = {148: 7}  # type: ignore[misc] # of this one
    assert FAMILY.counters
    assert FAMILY.counters([Reply(talk(machine, WEAR).run(), WEAR.request())]) == {"line_feeds": 7}


def test_a_counter_that_is_no_number_is_none() -> None:
    asking = started(WEAR)
    for answer in (b"\x12", MODEL, MODEL):
        asking.receive(answer)
    assert asking.receive(b"_12a\0") == Write(b"\x1dg2\0\x95\0", 1.0)
    with pytest.raises(Garbled):
        asking.silence()


# Automatic status


def test_automatic_status_that_passes_by_is_state_not_noise() -> None:
    """The cash program has switched it on; only one of our questions is answered."""
    poll = started()
    assert poll.receive(b"\x38\x00\x0f\x00") == Wait(0.5)
    step = poll.receive(b"\x1a")
    assert isinstance(step, Done)
    state = FAMILY.read_state([Reply(step.frame, POLL[0].request())], PROFILES.common)
    assert (state.cover_open, state.paper_end, state.online) == (True, True, False)
    plain_state = FAMILY.read_state(
        [Reply(Frame(None, 0x1004, status=b"\x1a"), POLL[0].request())], PROFILES.common
    )
    assert plain_state.cover_open is None  # the control: without it nothing is known


def test_an_answer_is_newer_than_the_automatic_status_before_it() -> None:
    poll = FAMILY.codec.exchange(POLL[1], 0)
    poll.start()
    poll.receive(b"\x38\x00\x00\x00")
    step = poll.receive(b"\x12")
    assert isinstance(step, Done)
    assert FAMILY.read_state([Reply(step.frame, POLL[1].request())], PROFILES.common).cover_open is False


def test_automatic_status_alone_is_no_answer() -> None:
    """Its fixed bits are few: it counts beside an answer that was asked for."""
    poll = started()
    for _ in range(2):
        assert poll.receive(b"\x10\x00\x00\x00") == Wait(0.5)
        assert isinstance(poll.silence(), Write)
    with pytest.raises(Garbled):
        poll.silence()


def test_buffered_status_of_a_printer_that_knows_it() -> None:
    machine = EscPos()
    machine.set_faults({"paper_near_end": True})
    reply = Reply(talk(machine, PAPER_BUFFERED).run(), PAPER_BUFFERED.request())
    assert FAMILY.read_state([reply], PROFILES.common).paper_near_end is True


def test_a_buffered_question_without_an_answer_ends() -> None:
    asking = started(PAPER_BUFFERED)
    asking.receive(b"\x12")
    with pytest.raises(NoReply):
        asking.silence()


def test_a_long_stream_keeps_nothing_and_ends() -> None:
    poll = started()
    for _ in range(50):
        assert poll.receive(b"_" + b"A" * 4000) == Wait(0.5)
    with pytest.raises(DeviceError):
        poll.expire()


def test_a_model_without_a_near_end_sensor_says_nothing_when_it_seems_well() -> None:
    machine = EscPos()
    profile = PROFILES.choose("TM-U220")
    assert FAMILY.read_state(status(machine), profile).paper_near_end is None
    machine.set_faults({"paper_near_end": True})
    assert FAMILY.read_state(status(machine), profile).paper_near_end is True


def test_a_newer_answer_to_the_same_question_goes_over_the_older() -> None:
    machine = EscPos()
    machine.set_faults({"cover_open": True})
    older = status(machine)
    machine.set_faults({"cover_open": False})
    assert FAMILY.read_state(older + status(machine), PROFILES.common).cover_open is False


@pytest.mark.parametrize("n", [0, 6, 9, 0x31, 0xFF])
def test_a_status_that_does_not_exist_is_no_request(n: int) -> None:
    asked = bytes([0x10, 0x04, n])
    for raw, direction, request in (
        (asked, Direction.HOST_TO_DEVICE, None),
        (b"\x12", Direction.DEVICE_TO_HOST, asked),
    ):
        with pytest.raises(Unparsed):
            FAMILY.codec.parse(raw, direction, request)
    assert FAMILY.codec.parse(b"\x12", Direction.DEVICE_TO_HOST, b"\x10\x04\x05")
    assert FAMILY.codec.parse(b"\x12", Direction.DEVICE_TO_HOST, b"\x10\x04\x07\x01")
