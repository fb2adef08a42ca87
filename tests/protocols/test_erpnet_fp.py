"""What a neighbour's answer says of the printer, and what its silence about a condition is worth."""

import json

import pytest

from protocols.device.erpnet_fp import DRIVERS, FAMILY, FLAGS, PRINTER, STATUS
from protocols.device.exchange import Frame
from protocols.device.family import Reply
from protocols.device.profile import EMPTY
from protocols.errors import Busy, DeviceError, Garbled, NoReply
from protocols.status.model import DeviceState
from tests import links
from tests.emulators.erpnet_fp import ErpNetFp

INFO = {"uri": "", "serialNumber": "DT279013"}


def reply(command: str, body: object) -> Reply:
    return Reply(Frame(None, command, data=json.dumps(body).encode()))


def state(driver: str | None, *codes: str, time: str = "2026-11-25T10:00:00") -> DeviceState:
    messages = [{"type": "error", "code": code, "text": ""} for code in codes]
    replies = [reply("status", {"ok": not codes, "messages": messages, "deviceDateTime": time})]
    if driver is not None:
        replies.append(reply("printer", {**INFO, "uri": f"{driver}.com://COM1"}))
    return FAMILY.read_state(replies, EMPTY.common)


def known(found: DeviceState) -> dict[str, object]:
    return {k: v for k, v in found.as_dict().items() if v is not None and k != "device_time"}


def test_a_bit_that_the_driver_looks_for_and_does_not_tell_is_not_set() -> None:
    found = known(state("bg.dt.p.isl"))
    assert found["paper_end"] is found["cover_open"] is found["head_overheat"] is False
    assert found["clock_set"] is True
    assert "cutter_error" not in found


@pytest.mark.parametrize("driver", [None, "bg.new.isl", "bg.zk.zfp", ""])
def test_without_a_known_driver_what_is_not_told_is_unknown(driver: str | None) -> None:
    assert known(state(driver)) == {}


def test_the_end_of_a_fault_is_seen() -> None:
    """The control of the test above: with the driver known a fault clears."""
    assert state("bg.dt.c.isl", "E301").paper_end is True
    assert state("bg.dt.c.isl").paper_end is False


def test_a_driver_that_does_not_know_the_near_end_says_nothing_about_it() -> None:
    assert state("bg.dt.c.isl").paper_near_end is None
    assert state("bg.dt.x.isl").paper_near_end is False


@pytest.mark.parametrize(
    ("driver", "code"), [("bg.is.icp", "E201"), ("bg.zk.zfp", "E301"), ("bg.zk.v2.zfp", "E599")]
)
def test_a_code_that_the_driver_sends_for_other_things_too_is_not_believed(driver: str, code: str) -> None:
    assert known(state(driver, code)).get(FLAGS[code][0]) is None
    assert state("bg.other", code).with_flags({}).as_dict()[FLAGS[code][0]] is FLAGS[code][1]


@pytest.mark.parametrize("code", ["E199", "E299", "E409", "E777", "W399", ""])
def test_a_code_that_stands_for_no_one_condition_sets_nothing(code: str) -> None:
    assert known(state(None, code)) == {}


@pytest.mark.parametrize("code", ["E101", "E107", "E108", "E999"])
def test_an_answer_that_is_not_the_printers_leaves_all_unknown(code: str) -> None:
    assert state("bg.dt.p.isl", code) == DeviceState()


@pytest.mark.parametrize("code", FLAGS)
def test_every_code_shows_its_flag(code: str) -> None:
    flag, value = FLAGS[code]
    assert known(state(None, code)) == {flag: value}


def test_of_two_codes_for_one_flag_the_one_that_is_there_holds() -> None:
    assert state("bg.dt.p.isl", "E203").fiscal_memory_error is True
    assert state("bg.dt.p.isl", "E202").fiscal_memory_error is True
    assert state("bg.dt.p.isl").fiscal_memory_error is False


def test_every_driver_names_known_codes() -> None:
    assert {code for codes in DRIVERS.values() for code in codes.split()} <= FLAGS.keys()


@pytest.mark.parametrize("time", ["", "0001-01-01T00:00:00", "soon", "2026-13-01T00:00:00"])
def test_a_time_that_was_not_read_is_unknown(time: str) -> None:
    assert state(None, time=time).device_time is None


@pytest.mark.parametrize(("fault", "error"), [("off", NoReply), ("strange", Busy)])
def test_what_hinders_the_neighbour_is_what_would_hinder_us(fault: str, error: type[DeviceError]) -> None:
    machine = ErpNetFp()
    machine.set_faults({fault: True})
    with pytest.raises(error, match="the neighbour says: E10") as caught:
        links.Talk(FAMILY.codec.exchange(STATUS, 0), machine.receive, links.plain()).run()
    assert str(caught.value.maker_code).startswith("E10")


def test_a_code_that_is_not_known_is_shown() -> None:
    answer = reply("status", {"ok": False, "messages": [{"type": "error", "code": "E777", "text": "New"}]})
    said = FAMILY.explain(answer, EMPTY.common)
    assert "E777 New (this code stands for no one condition)" in said


@pytest.mark.parametrize("raw", [b"[" * 100_000, b'{"ok": true, "messages": ' + b"[" * 5000, b"\xff", b"NaN"])
def test_hostile_json_is_no_answer(raw: bytes) -> None:
    exchange = FAMILY.codec.exchange(STATUS, 0)
    exchange.start()
    exchange.receive(raw)
    with pytest.raises(Garbled):
        exchange.expire()


def test_the_status_is_asked_first() -> None:
    """A printer that the neighbour cannot reach is then silent at the first question."""
    names = [command.code for command in FAMILY.read_only_commands if command is not PRINTER]
    assert names == ["status", "printer"]
