"""Sums against the worked examples of the manuals, and against the emulators' own arithmetic."""

from binascii import crc_hqx

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.device.checksums import crc16_ccitt_false, isl_bcc, xor
from tests.emulators import isl_frame, shtrih_v1


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("24203e05", "30303837"),
        ("25214a5805", "30303e3d"),
        ("3c203e32322d31312d32362031333a34353a303004e0808380869a05", "3037363f"),
    ],
)
def test_the_worked_examples(body: str, expected: str) -> None:
    assert isl_bcc(bytes.fromhex(body)).hex() == expected


def test_a_sum_of_1ae3_is_sent_as_the_manual_shows_it() -> None:
    body = b"\xff" * 26 + bytes([0x1AE3 - 26 * 0xFF])
    assert isl_bcc(body) == b"\x31\x3a\x3e\x33"


@given(st.binary(max_size=300))
def test_both_hands_get_the_same_sum(body: bytes) -> None:
    assert isl_bcc(body) == isl_frame.four(sum(body) % 65536)


def test_the_worked_examples_of_shtrih() -> None:
    assert crc16_ccitt_false(b"123456789") == b"\xb1\x29"
    assert crc16_ccitt_false(bytes.fromhex("07000100101e000000")).hex() == "1fac"
    assert xor(bytes.fromhex("05101e000000")).hex() == "0b"


@given(st.binary(max_size=300))
def test_both_hands_get_the_same_sums_of_shtrih(body: bytes) -> None:
    assert int.from_bytes(crc16_ccitt_false(body), "little") == crc_hqx(body, 0xFFFF)
    assert xor(body)[0] == shtrih_v1._lrc(body)
