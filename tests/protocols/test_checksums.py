"""Sums against the worked examples of the manuals, and against the emulators' own arithmetic."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.device.checksums import isl_bcc
from tests.emulators import datecs_isl_legacy


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
    assert isl_bcc(body) == datecs_isl_legacy._sum(body)
