"""What `check` finds beyond the form of the file, before the first night does."""

from pathlib import Path

import pytest

from agent.cli import main

CONFIG = """\
[agent]
state_dir = "{home}"

[collector]
url = "https://desk.example.lv:8443"

[[backup]]
name = "pos"
engine = "{engine}"
source = "{source}"
recovery_key = "{home}/recovery.pub"
at = "03:30"
"""


def checked(home: Path, engine: str, source: str = "/pos.db") -> int:
    file = home / "agent.toml"
    file.write_text(CONFIG.format(home=home, engine=engine, source=source))
    return main(["check", "--config", str(file)])


def test_a_backup_with_all_that_it_names_is_ok(tmp_path: Path) -> None:
    (tmp_path / "recovery.pub").write_text("key")
    assert checked(tmp_path, "sqlite") == 0


def test_a_misspelt_engine_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "recovery.pub").write_text("key")
    assert checked(tmp_path, "sqlit") == 2
    said = capsys.readouterr().err
    assert "backup[pos].engine: 'sqlit' is not known; allowed: files, firebird" in said
    assert len(said.strip().splitlines()) == 1


def test_a_password_in_an_address_is_told_and_not_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "recovery.pub").write_text("key")
    assert checked(tmp_path, "postgresql", "postgresql://plomba:sesame@localhost/pos") == 2
    said = capsys.readouterr().err
    assert "backup[pos].source: a password does not belong into an address" in said
    assert "sesame" not in said
    assert checked(tmp_path, "postgresql", "postgresql://plomba@localhost/pos") == 0


def test_a_missing_recovery_key_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert checked(tmp_path, "sqlite") == 2
    assert "backup[pos].recovery_key:" in capsys.readouterr().err
