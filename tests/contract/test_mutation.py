"""A share of the fuzzing that runs each night: changed answers of every family, and bytes of any kind. The whole is
`make nightly`."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest

from protocols.device import isl_frame
from tests.contract.families import CASES, Case
from tests.fuzz import noise
from tests.fuzz.harness import Harness, found
from tests.fuzz.mutation import CHECKED, KINDS, Mutator

FRAMES, BYTES = 10_000, 200_000
"""Per family: some 30 s in all."""
FAMILY = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


@FAMILY
def test_no_changed_answer_is_believed(case: Case, record_property: Callable[[str, object], None]) -> None:
    """Nor does an exchange take one that a checksum, a number or a command must betray."""
    count = Mutator(case).run(FRAMES)
    record_property("fuzz", count.line(case.family.name))
    assert count.frames == FRAMES
    assert count.failures(case.family.name) == []


@pytest.mark.parametrize("name", ["escpos", "star_line", "datecs_isl_legacy", "shtrih_v1", "tremol_zfp"])
def test_changed_answers_would_be_believed_if_one_were_enough(name: str) -> None:
    """The control of belief: an exclusive or, a sum or one unmarked byte does not see everything."""
    assert Mutator(CASES[name], believe=False).run(4_000).believed


def test_a_changed_byte_would_pass_without_its_checksum(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the checksum: one that equals anything."""

    class Anything(bytes):
        def __eq__(self, other: object) -> bool:
            return True

        def __ne__(self, other: object) -> bool:
            return False

        __hash__ = bytes.__hash__

    true = isl_frame.isl_bcc
    monkeypatch.setattr(isl_frame, "isl_bcc", lambda body: Anything(true(body)))
    count = Mutator(CASES["datecs_isl_legacy"]).run(3_000)
    assert count.accepted["flip 1"] > 10
    assert count.failures("datecs_isl_legacy")


def test_every_family_with_a_checksum_is_held_to_it() -> None:
    without = {name for name, case in CASES.items() if case.family.ports.whole_messages}
    assert set(CASES) - set(CHECKED) - without == {"escpos", "star_line"}
    assert all(set(kinds) <= set(KINDS) for kinds in CHECKED.values())


@FAMILY
def test_no_bytes_raise_anything_but_a_device_error(
    case: Case, record_property: Callable[[str, object], None]
) -> None:
    count = noise.run(Harness(case), BYTES)
    record_property("fuzz", count.line(case.family.name))
    assert count.bytes >= BYTES
    assert count.raised == []


@FAMILY
def test_a_planted_exception_is_found(case: Case) -> None:
    """The control: a family that cannot read some of its own answers."""

    def read_state(*_: object) -> object:
        raise ValueError("planted")

    broken = replace(case, family=replace(case.family, read_state=read_state))  # type: ignore[arg-type]
    assert any("planted" in line for line in noise.run(Harness(broken), 60_000).raised)


def test_what_was_found_once_raises_no_more() -> None:
    """Written down by tests/fuzz/coverage.py and by hand."""
    for entry in found():
        Harness(CASES[entry["family"]]).feed(bytes.fromhex(entry["hex"]))


@pytest.mark.parametrize("planted", [True, False])
def test_fuzzing_by_coverage_finds_a_planted_exception(planted: bool) -> None:
    """The control of `make fuzz`, in a process of its own; without the plant it ends well."""
    environment = {"PATH": os.environ["PATH"], **({"PLANT": "1"} if planted else {})}
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.coverage", "shtrih_v2", "2"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == planted, done.stderr
    assert ("planted" in done.stdout) is planted
