"""A share of the model test of the whole path, and its controls: without a defence it must find the harm."""

import json
import os
import subprocess
import sys

import pytest

SHARE_S = 60
SEED = os.environ.get("PLOMBA_SEED", "3000000")
"""The same each time, so that a red run is the doing of what was changed; `make faults` draws its own."""


def run(*arguments: str) -> tuple[int, dict[str, object], str]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.whole_path", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout), done.stderr


@pytest.mark.timeout(700)
def test_what_exists_anywhere_arrives_exactly_once(capsys: pytest.CaptureFixture[str]) -> None:
    code, told, words = run("--seconds", str(SHARE_S), "--seed", SEED)
    with capsys.disabled():
        print(f"\nwhole path: {told['sequences']} sequences, seed {told['seed']}")
    assert code == 0, words


@pytest.mark.timeout(700)
@pytest.mark.parametrize(
    ("defence", "seed"), [("keeping", "1001"), ("numbers", "1"), ("sending again", "1"), ("chain", "801")]
)
def test_control_without_a_defence_the_harm_is_found(defence: str, seed: str) -> None:
    code, told, _ = run("--without", defence, "--sequences", "1000", "--seed", seed)
    assert (code, told["held"]) == (1, False)
