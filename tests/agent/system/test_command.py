"""Programs are asked within bounds: of time, of words, and of what they learn about the agent."""

import os
from pathlib import Path
from threading import Thread

import pytest

from agent.system.command import Commands, environment
from agent.system.probe import NotKnown
from tests.agent.system.conftest import Play


def test_what_is_printed_comes_back_in_english(play: Play) -> None:
    play("tool", 'echo "$LC_ALL $1 $2"; echo "a warning" >&2')
    answer = Commands().run("tool", "one", "two words")
    assert (answer.code, answer.out, answer.complaint) == (0, "C one two words\n", "a warning")


def test_a_failure_tells_its_first_words(play: Play) -> None:
    play("tool", 'echo >&2; echo "no such unit" >&2; echo "more" >&2; exit 3')
    with pytest.raises(NotKnown, match=r"^tool: no such unit$"):
        _ = Commands().run("tool").good


def test_a_program_that_is_not_there_is_named(play: Play) -> None:
    play("other", "exit 0")
    with pytest.raises(NotKnown, match="tool is not installed"):
        Commands().run("tool")
    assert Commands.has("other")
    assert not Commands.has("tool")


def test_what_cannot_be_started_is_not_known(play: Play) -> None:
    play("tool", "").write_bytes(b"\x7fELF broken")
    with pytest.raises(NotKnown, match="tool could not be started"):
        Commands().run("tool")


def test_a_program_that_hangs_is_ended(play: Play) -> None:
    play("tool", "exec sleep 600")
    with pytest.raises(NotKnown, match="did not answer within 0 s"):
        Commands().run("tool", timeout_s=0.3)


def test_stopping_ends_the_program_that_runs_and_lets_none_begin(play: Play, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "began")
    play("tool", f"echo >{tmp_path}/began; exec sleep 600")
    commands, caught = Commands(), list[str]()

    def ask() -> None:
        try:
            commands.run("tool", timeout_s=500)
        except NotKnown as e:
            caught.append(str(e))

    thread = Thread(target=ask, daemon=True)
    thread.start()
    (tmp_path / "began").read_bytes()
    commands.stop()
    thread.join(30)
    assert caught == ["the agent is stopping"]
    with pytest.raises(NotKnown, match="stopping"):
        commands.run("tool")


def test_programs_get_the_systems_libraries_and_not_the_agents() -> None:
    ours = {"PATH": "/bin", "LD_LIBRARY_PATH": "/agent", "NOTIFY_SOCKET": "/run/x", "PYTHONHOME": "/agent"}
    assert environment(ours) == {"PATH": "/bin", "LC_ALL": "C", "LANGUAGE": "C"}
    assert environment({**ours, "LD_LIBRARY_PATH_ORIG": "/opt"})["LD_LIBRARY_PATH"] == "/opt"
    assert "LD_LIBRARY_PATH_ORIG" not in environment({"LD_LIBRARY_PATH_ORIG": "/opt"})
