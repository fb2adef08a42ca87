"""Star Line Mode: how long a status is, what belongs to which model, and what must never be asked of whom."""

import pytest

from agent.devices import profile_store
from protocols.device.exchange import Done, Exchange, Wait, Write
from protocols.device.family import Command, Reply, When
from protocols.device.profile import EMPTY
from protocols.device.star_line import FAMILY, IDENTITY, POLL
from protocols.device.star_line_packet import status_bytes
from protocols.errors import Garbled, NoReply, UsageError
from protocols.status.faults import present
from protocols.status.model import DeviceState
from tests.emulators.star_line import StarLine
from tests.links import Talk, plain

PROFILES = profile_store.load().get(FAMILY.name) or EMPTY
ASK, VERSION, SERIAL = b"\x1b\x06\x01", b"\x1b#*\n\0", b"\x1b\x1d)I\x01\x001"
WELL = b"\x23\x06\0\0\0\0\0\0\0"


def exchange(command: Command = POLL) -> Exchange:
    return FAMILY.codec.exchange(command, 0)


def started(command: Command = POLL) -> Exchange:
    found = exchange(command)
    found.start()
    return found


def talk(machine: StarLine, command: Command = POLL) -> Talk:
    return Talk(exchange(command), machine.receive, plain())


def state(machine: StarLine) -> DeviceState:
    replies = [Reply(talk(machine).run(), POLL.request())]
    return FAMILY.read_state(replies, PROFILES.choose(machine.model))


@pytest.mark.parametrize(
    ("header", "size"),
    [
        (0x0F, 7),
        (0x21, 8),
        (0x23, 9),
        (0x25, 10),
        (0x27, 11),
        (0x29, 12),
        (0x2B, 13),
        (0x2D, 14),
        (0x2F, 15),
    ],
)
def test_the_first_byte_tells_the_length(header: int, size: int) -> None:
    """The table of the manual (Line Mode Rev. 0.09, 5.2.3)."""
    assert status_bytes(header) == size
    poll = started()
    assert poll.receive(bytes([header, 6]) + bytes(size - 3)) == Wait(0.5)
    step = poll.receive(b"\0")
    assert isinstance(step, Done)
    assert len(step.frame.status) == size


@pytest.mark.parametrize("model", StarLine.models)
@pytest.mark.parametrize("network", [False, True])
@pytest.mark.parametrize(
    ("fault", "codes"),
    [
        ("paper_end", ["printer.paper_end", "printer.offline"]),
        ("cover_open", ["printer.cover_open", "printer.offline"]),
        ("cutter_error", ["printer.cutter_error", "printer.offline"]),
        ("mechanism_error", ["printer.mechanism_error", "printer.offline"]),
        ("head_overheat", ["printer.head_overheat", "printer.offline"]),
        ("offline", ["printer.offline"]),
        ("drawer_open", []),
    ],
)
def test_every_fault_is_seen_and_its_end_too(model: str, network: bool, fault: str, codes: list[str]) -> None:
    machine = StarLine(model)
    machine.set_behaviour({"network": network})
    machine.set_faults({fault: True})
    assert present(state(machine)) == codes
    machine.set_faults({fault: False})
    assert present(state(machine)) == []


@pytest.mark.parametrize("low", [False, True])
def test_the_drawer_is_a_level_not_a_state(low: bool) -> None:
    machine = StarLine()
    machine.set_behaviour({"drawer_open_is_low": low})
    machine.set_faults({"drawer_open": True})
    assert state(machine).drawer_sensor_high is not low
    assert state(machine).drawer_open is None


def test_what_a_model_lacks_is_unknown_not_well() -> None:
    assert state(StarLine("TSP100IIIBI")).paper_near_end is None
    assert state(StarLine("TUP900")).drawer_sensor_high is None
    assert state(StarLine("TSP700II")).paper_near_end is False
    assert state(StarLine("TSP700II")).drawer_sensor_high is False


def test_an_unknown_model_is_read_by_what_all_share_and_by_what_is_set() -> None:
    machine = StarLine("TSP700II")
    common = PROFILES.common
    well = FAMILY.read_state([Reply(talk(machine).run(), POLL.request())], common)
    assert (well.online, well.paper_end, well.cutter_error, well.drawer_sensor_high) == (
        True,
        False,
        None,
        None,
    )
    machine.set_faults({"cutter_error": True, "drawer_open": True})
    bad = FAMILY.read_state([Reply(talk(machine).run(), POLL.request())], common)
    assert (bad.online, bad.cutter_error, bad.drawer_sensor_high) == (False, True, True)


@pytest.mark.parametrize(
    "rubbish",
    [
        b"\x12",
        b"\x11\x13",
        b"\x01\x0d\xff",
        b"\x23\x06\x01",
        b"\x1b\x06\x02",
        b"\x1b#*,TSP700IIVer2.0\n\0",
        b"\x1b\x1d)I\x01\x001PrSrN=1\n\0",
        b"\x1b#*,TSP\x07",
    ],
)
def test_what_is_no_status_is_passed_over(rubbish: bytes) -> None:
    """An ESC/POS answer, flow control, noise, a broken status, late answers to the version."""
    poll = started()
    assert poll.receive(rubbish) == Wait(0.5)
    assert isinstance(poll.receive(WELL), Done)


def test_after_a_repeat_no_answer_is_left_for_the_next_question() -> None:
    poll = started()
    assert poll.silence() == Write(ASK, 0.5)
    assert poll.receive(b"\x23\x06\x28\0\0\0\0\0\0") == Wait(0.5)
    step = poll.receive(WELL)
    assert isinstance(step, Done)
    assert step.frame.status == WELL


def test_half_a_status_is_lost_with_the_silence() -> None:
    poll = started()
    assert poll.receive(WELL[:5]) == Wait(0.5)
    assert poll.silence() == Write(ASK, 0.5)
    assert poll.receive(WELL[5:]) == Wait(0.5)


@pytest.mark.parametrize("behaviour", ["wrong_pattern", "wrong_length"])
def test_wrong_fixed_bits_are_no_answer(behaviour: str) -> None:
    machine = StarLine()
    assert talk(machine).run()
    machine.set_behaviour({behaviour: True})
    with pytest.raises(Garbled):
        talk(machine).run()


def test_automatic_status_that_somebody_switched_on_is_a_status_too() -> None:
    machine = StarLine()
    machine.set_behaviour({"asb_before": True})
    machine.set_faults({"cover_open": True})
    assert present(state(machine)) == ["printer.cover_open", "printer.offline"]


def test_the_serial_number_is_asked_only_of_a_model_that_knows_the_question() -> None:
    """One that does not may print it."""
    new, old = talk(StarLine("TSP100IIIBI"), IDENTITY), talk(StarLine("TSP700II"), IDENTITY)
    identity = FAMILY.identify([Reply(new.run(), IDENTITY.request())])
    assert (identity.model, identity.firmware, identity.serial) == ("TSP100IIIBI", "2.0", StarLine.serial)
    assert new.written == [ASK, VERSION, SERIAL]
    assert FAMILY.identify([Reply(old.run(), IDENTITY.request())]).model == "TSP700II"
    assert old.written == [ASK, VERSION]
    printer = StarLine("TSP700II")
    printer.receive(SERIAL)  # the control: this model would have printed it
    assert printer.forbidden


def test_nothing_is_asked_of_a_device_that_has_not_proven_that_it_is_a_star() -> None:
    """ESC # * LF NUL prints a line on other printers."""
    other = Talk(exchange(IDENTITY), lambda data: b"\x12", plain())
    with pytest.raises(Garbled):
        other.run()
    assert set(other.written) == {ASK}


def test_a_printer_that_does_not_say_its_version_is_a_star_all_the_same() -> None:
    machine = StarLine()
    machine.set_behaviour({"no_identity": True})
    conversation = talk(machine, IDENTITY)
    identity = FAMILY.identify([Reply(conversation.run(), IDENTITY.request())])
    assert (identity.maker, identity.model) == ("Star", "")
    assert conversation.written == [ASK, VERSION]  # after the first silence nothing more is asked


@pytest.mark.parametrize("fault", ["paper_end", "cover_open", "offline"])
def test_nothing_is_left_in_the_buffer_of_a_printer_that_is_offline(fault: str) -> None:
    machine = StarLine()
    machine.set_faults({fault: True})
    conversation = talk(machine, IDENTITY)
    conversation.run()
    assert conversation.written == [ASK]
    assert machine.state()["waiting"] == 0


def test_an_answer_that_begins_with_its_question_is_no_echo() -> None:
    asking = started(IDENTITY)
    assert asking.receive(WELL) == Write(VERSION, 1.0)
    assert asking.receive(b"\x1b#*,TSP100IIIUVer1.0\n\0") == Write(SERIAL, 1.0)
    step = asking.receive(SERIAL + b"PrSrN=77\n\0")
    assert isinstance(step, Done)
    assert FAMILY.identify([Reply(step.frame)]).serial == "77"


@pytest.mark.parametrize("name", ["kick", "automatic status on", "initialise", "cancel", "status byte ENQ"])
def test_what_disturbs_cannot_be_encoded(name: str) -> None:
    codes = {"kick": (7, b""), "automatic status on": (0x1B1E61, b"\x01"), "initialise": (0x1B40, b"")}
    code, data = codes.get(name, (0x18 if name == "cancel" else 5, b""))
    with pytest.raises(UsageError):
        FAMILY.codec.encode(Command("", code, data), 0)


def test_a_status_is_asked_again_and_then_given_up() -> None:
    conversation = Talk(exchange(), lambda data: b"", plain())
    with pytest.raises(NoReply):
        conversation.run()
    assert conversation.written == [ASK] * 3


def test_only_two_commands_exist_and_the_status_is_the_one_polled() -> None:
    assert FAMILY.commands(When.POLL) == (POLL,)
    assert [c for c in FAMILY.read_only_commands if c.when is When.ASK] == []
