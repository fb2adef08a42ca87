"""`plomba-agent decode`: one answer for one line whatever stands in it, and words for a person."""

import argparse
import io
import json
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.cli import decode as command
from protocols.device.decode import LIMIT_BYTES
from protocols.status.model import FIELDS
from tests.contract.families import PROFILES
from tests.emulators.datecs_isl_legacy import DatecsIsl, request

KEYS = {"id", "ok", "error", "frames", "state", "identity", "faults", "text"}
GOOD = {
    "id": "a",
    "family": "escpos",
    "direction": "device_to_host",
    "level": "frame",
    "request": "100404",
    "hex": "1E",
}


def line(**changes: Any) -> bytes:
    given = {key: value for key, value in (GOOD | changes).items() if value is not ...}
    return json.dumps(given).encode()


def answer(raw: bytes | None) -> dict[str, Any]:
    found = command.answer_line(raw, PROFILES)
    assert found.keys() == KEYS
    assert set(found["state"]) == set(FIELDS)  # type: ignore[call-overload]
    return found


def test_a_good_line() -> None:
    found = answer(line())
    assert (found["id"], found["ok"], found["error"]) == ("a", True, None)
    assert found["faults"] == ["printer.paper_near_end"]
    assert found["state"]["paper_near_end"] is True
    assert found["state"]["cover_open"] is None
    assert "paper is near its end" in found["text"]


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "decode.json"),
        (b"{", "decode.json"),
        (b"\xff\xfe", "decode.json"),
        (b'{"id": NaN}', "decode.json"),
        (b"[" * 100_000, "decode.json"),
        (b"[]", "decode.not_an_object"),
        (b"null", "decode.not_an_object"),
        (None, "decode.too_large"),
        (line(id=...), "decode.key_missing"),
        (line(family=...), "decode.key_missing"),
        (line(direction=...), "decode.key_missing"),
        (line(level=...), "decode.key_missing"),
        (line(hex=...), "decode.key_missing"),
        (line(hex=None), "decode.key_missing"),
        (line(hex=18), "decode.key_type"),
        (line(model=[]), "decode.key_type"),
        (line(request={}), "decode.key_type"),
        (line(family="escops"), "decode.family_unknown"),
        (line(direction="up"), "decode.direction_unknown"),
        (line(level="bit"), "decode.level_unknown"),
        (line(hex="1"), "decode.hex"),
        (line(hex="zz"), "decode.hex"),
        (line(request="zz"), "decode.hex"),
        (line(capabilities="zz"), "decode.hex"),
        (line(hex="00" * (LIMIT_BYTES + 1)), "decode.too_large"),
        (line(hex="00" * (4 * LIMIT_BYTES)), "decode.too_large"),
    ],
)
def test_a_bad_line_gets_a_code(raw: bytes | None, code: str) -> None:
    found = answer(raw)
    assert (found["ok"], found["error"]) == (False, code)
    assert set(found["state"].values()) == {None}
    assert found["text"]


@pytest.mark.parametrize("identifier", ["x", 7, 1.5, None, True, [1], {"a": [None]}, 10**30])
def test_the_id_comes_back_as_it_was(identifier: object) -> None:
    assert answer(line(id=identifier))["id"] == identifier
    assert answer(line(id=identifier, family="?"))["id"] == identifier


@pytest.mark.parametrize("raw", [b'{"id": 1e999}', b'{"id": [-1e999]}'])
def test_an_id_that_json_cannot_say_comes_back_empty(raw: bytes) -> None:
    assert answer(raw)["id"] is None


def test_a_mark_at_the_start_a_carriage_return_and_keys_of_others_are_no_matter() -> None:
    raw = b"\xef\xbb\xbf" + line(more=[1, {}], model=None, capabilities=None) + b"\r\n"
    assert answer(raw)["ok"]


def test_blanks_and_either_case_of_hex_are_the_same() -> None:
    assert answer(line(hex=" 1e "))["ok"]


def test_the_model_may_come_from_the_bytes_themselves() -> None:
    machine = DatecsIsl("FP-2000")
    machine.set_faults({"cover_open": True})
    asked = request(0x20, 0x5A)
    found = answer(line(family="datecs_isl_legacy", request=asked.hex(), hex=machine.receive(asked).hex()))
    assert found["identity"]["model"] == "FP-2000"
    assert found["faults"] == ["printer.cover_open"]


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.dictionaries(st.sampled_from([*GOOD, "x"]), st.text()).map(lambda d: json.dumps(d).encode()),
    )
)
def test_no_line_raises(raw: bytes) -> None:
    json.dumps(answer(raw), allow_nan=False)


def run(monkeypatch: pytest.MonkeyPatch, arguments: list[str], stdin: bytes = b"") -> int:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args(arguments))


def test_a_batch_answers_line_by_line_in_order(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [line(id=1), b"", b"garbage", b"x" * (command.LINE_BYTES + 10), line(id=5)]
    assert run(monkeypatch, ["--batch"], b"\n".join(lines)) == 0
    answers = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert [found["id"] for found in answers] == [1, None, None, None, 5]
    assert [found["error"] for found in answers] == [
        None,
        "decode.json",
        "decode.json",
        "decode.too_large",
        None,
    ]


def test_a_line_without_an_end_is_answered_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, ["--batch"], line(id=1) + b"\n" + line(id=2)) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--family", "escpos", "--request", "10 04 02", "16"], 0, "state.cover_open: yes"),
        (["--family", "escpos", "10", "04"], 1, "error: frame.truncated"),
        (["--family", "escpos", "--direction", "host_to_device", "1b700019fa"], 0, "Plomba never sends it"),
    ],
)
def test_for_a_person(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    words: str,
) -> None:
    assert run(monkeypatch, arguments) == code
    assert words in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["--family", "escpos"], ["12"], ["--family", "escpos", "xyz"]])
def test_wrong_usage_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert run(monkeypatch, arguments) == 2
    assert capsys.readouterr().err.startswith("decode: ")
