"""`status` tells a person what to do about a refusal."""

from pathlib import Path

import pytest

from agent.cli import main
from agent.cli.status import NEXT
from agent.runtime.clock import SystemClock
from agent.spool import FILE, Spool
from agent.uplink.sender import STATE
from collector.ingest.problem import PROBLEMS


@pytest.mark.parametrize("code", NEXT)
def test_what_to_do(code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert code in PROBLEMS, "the collector says so"
    config = tmp_path / "agent.toml"
    config.write_text(
        f'[agent]\nstate_dir = "{(tmp_path / "state").as_posix()}"\n[collector]\nurl = "https://c.example"\n'
    )
    (tmp_path / "state").mkdir()
    problem = {"what": "refused", "code": code, "text": "no", "since": "2026-11-25T12:00:00+00:00"}
    with Spool(tmp_path / "state" / FILE, SystemClock(), owner=True) as spool:
        spool.put_all(state={STATE: {"problem": problem}})
    main(["status", "--config", str(config)])
    said = capsys.readouterr().out
    assert NEXT[code] in said
    assert "Everything is kept here" in said
