"""The IEEE 1284 id, as it should be and as printers send it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.ports.ieee1284 import parse_answer, parse_text

TEXT = b"MFG:EPSON;CMD:ESC/POS,STAR;MDL:TM-T20II;CLS:PRINTER;SN:X4TJ;"


def answer(length: int, text: bytes = TEXT, order: str = "big") -> bytes:
    return length.to_bytes(2, "big" if order == "big" else "little") + text


@pytest.mark.parametrize(
    ("raw", "whole"),
    [
        (answer(len(TEXT) + 2), True),
        (answer(len(TEXT) + 2) + bytes(20), True),
        (answer(len(TEXT)), False),  # a length that leaves itself out
        (answer(len(TEXT) + 2, order="little"), False),
        (answer(len(TEXT), order="little"), False),
        (answer(9000), False),
        (answer(0), False),
    ],
)
def test_the_text_is_found_whatever_its_length_says(raw: bytes, whole: bool) -> None:
    found = parse_answer(raw)
    assert found
    assert (found.maker, found.model, found.serial) == ("EPSON", "TM-T20II", "X4TJ")
    assert found.commands == ("ESC/POS", "STAR")
    assert found.whole is whole


def test_long_and_own_spellings_are_the_same_keys() -> None:
    found = parse_text(b"MANUFACTURER:Star;COMMAND SET:STAR;MODEL:TSP143;SERN:2551;\0junk")
    assert found
    assert (found.maker, found.model, found.serial, found.commands) == ("Star", "TSP143", "2551", ("STAR",))


def test_of_a_key_that_stands_twice_the_first_counts() -> None:
    found = parse_text(b"MFG:A;MFG:B;")
    assert found
    assert found.maker == "A"


@pytest.mark.parametrize("raw", [b"", b"\x00", b"\x00\x02", b"\x00\x06junk", b"\xff" * 40])
def test_no_keys_are_no_id(raw: bytes) -> None:
    assert parse_answer(raw) is None


@given(st.binary(max_size=200))
def test_no_bytes_raise(raw: bytes) -> None:
    found = parse_answer(raw)
    assert found is None or found.fields
