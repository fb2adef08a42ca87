"""What `check` and `status` say of the collector's wishes."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from agent.cli import main
from agent.config import kept
from agent.config.kept import Kept, Refused, Trial
from protocols.wire import v1
from protocols.wire.desired import digest_of

FILE = """\
[agent]
state_dir = "{home}"
local = ["device[kitchen].poll_s"]
[collector]
url = "https://desk.example.lv:8443"
[host]
sample_s = 60
[[device]]
id = "kitchen"
family = "escpos"
port = "socket://192.0.2.1:9100"
poll_s = 5
[[backup]]
name = "pos"
engine = "sqlite"
source = "{home}/pos.db"
recovery_key = "{home}/recovery.pub"
every = "6h"
"""


def wish(number: int, tables: Any) -> v1.Desired:
    return v1.Desired(terminal="t1", number=number, digest=digest_of(tables), tables=tables, by="ieva")


GOOD = wish(
    7,
    {
        "host": {"sample_s": 15, "disk_low_percent": 20},
        "device": [{"id": "kitchen", "poll_s": 9}, {"id": "bar", "poll_s": 9}],
        "backup": [{"name": "pos", "at": "03:30"}],
    },
)
REFUSED = Refused(
    wished=wish(8, {"host": {"sample_s": 0}}), code="config.invalid", key="host.sample_s", error="no"
)


def said(home: Path, capsys: pytest.CaptureFixture[str], held: Kept, *command: str) -> list[str]:
    (home / "recovery.pub").write_text("key")
    (home / "agent.toml").write_text(FILE.format(home=home.as_posix()))
    kept.write(home, held)
    main([*command, "--config", str(home / "agent.toml")])
    return capsys.readouterr().out.splitlines()


def test_check_says_what_holds_and_what_differs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(tmp_path, capsys, Kept(good=GOOD), "check")[1:] == [
        "Version 7 of the collector holds, by ieva",
        "  host.sample_s = 15 (the file: 60)",
        "  host.disk_low_percent = 20",
        '  backup[pos].at = "03:30"',
        "  not taken: device[kitchen].poll_s = 9: the file marks it as local (the file: 5)",
        "  not taken: device[bar].poll_s = 9: there is none of this name here",
    ]


def test_check_says_every_key_when_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(tmp_path, capsys, Kept(good=GOOD), "check", "--effective")
    wanted = (
        "host.sample_s = 15.0",
        "device[kitchen].poll_s = 5.0",
        'backup[pos].at = "03:30"',
        'agent.language = "lv"',
    )
    for line in wanted:
        assert line in lines
    assert not any(line.startswith("backup[pos].every") for line in lines)
    assert 'backup[pos].every = "360m"' in said(tmp_path, capsys, Kept(), "check", "--effective")


@pytest.mark.parametrize(
    ("held", "lines"),
    [
        (Kept(), ["The collector wishes nothing for this till"]),
        (
            Kept(good=GOOD, refused=REFUSED),
            [
                "Version 7 of the collector holds, by ieva",
                "Version 8 is refused: host.sample_s: input should be greater than or equal to 1 (it is 0)"
                " (config.invalid)",
            ],
        ),
        (
            Kept(refused=REFUSED.model_copy(update={"for_good": True})),
            [
                "Version 8 is refused: host.sample_s: no (config.invalid)",
                "The till goes by its own file alone",
            ],
        ),
        (Kept(trial=Trial(wished=GOOD, starts=2)), ["Version 7 of the collector is on trial, by ieva"]),
        (
            Kept(refused=Refused(wished=GOOD, code="config.invalid", key="x", error="no")),
            ["Version 7 of the collector was refused, fits now, and is tried at the next start, by ieva"],
        ),
    ],
)
def test_status_says_how_it_stands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], held: Kept, lines: list[str]
) -> None:
    assert said(tmp_path, capsys, held, "status")[-len(lines) :] == lines
    found = json.loads("\n".join(said(tmp_path, capsys, held, "status", "--json")))["configuration"]
    assert found["trial"] == (held.trial.wished.number if held.trial else None)
    assert (found["refused"] == 8) == (held.refused is not None and held.refused.wished.number == 8)
    assert kept.read(tmp_path) == held, "looking changes nothing"


@pytest.mark.skipif(
    os.name == "nt" or os.geteuid() != 0, reason="only root can become an account that may not look"
)
def test_what_this_account_may_not_see_is_unknown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file of the till itself is as right as before."""
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    kept.write(state, Kept(good=GOOD))
    file = tmp_path / "agent.toml"
    file.write_text(f'[agent]\nstate_dir = "{state}"\n[collector]\nurl = "https://desk.example.lv:8443"\n')
    for folder in (tmp_path, *list(tmp_path.parents)[:3]):
        folder.chmod(folder.stat().st_mode | 0o755)
    assert main(["check", "--config", str(file)]) == 0
    assert "Version 7" in capsys.readouterr().out
    os.seteuid(65534)
    try:
        assert main(["check", "--config", str(file)]) == 0
    finally:
        os.seteuid(0)
    assert "What the collector wishes is unknown" in capsys.readouterr().out
