"""Recovery keys as people handle them: in files, on paper, mixed up."""

from pathlib import Path

import pytest

from agent.backup import key
from agent.cli import main
from protocols.errors import BackupError, ConfigError, IntegrityError
from tests.agent.backup.till import OTHER_SECRET, SECRET


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    assert main(["recovery-key", "--out", str(tmp_path / "keys")]) == 0
    return tmp_path / "keys" / "recovery.pub", tmp_path / "keys" / "recovery.key"


def test_the_two_halves_belong_together(files: tuple[Path, Path]) -> None:
    public, secret = key.load_public(files[0]), key.load_secret(files[1])
    assert secret.public == public
    assert files[1].stat().st_mode & 0o777 == 0o600
    assert "keep two copies" in files[1].read_text()
    made = key.new_data_key("till", [public])
    assert key.open_data_key(secret, "till", made.run, made.slots).key == made.key


def test_no_key_is_ever_overwritten(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    before = [file.read_bytes() for file in files]
    assert main(["recovery-key", "--out", str(files[0].parent)]) == 3
    assert [file.read_bytes() for file in files] == before
    assert "never overwritten" in capsys.readouterr().err


def test_a_key_typed_from_paper(tmp_path: Path) -> None:
    text = key.encode(key.SECRET_MARK, SECRET.raw)
    mark, letters = text.split(" ")
    file = tmp_path / "typed.key"
    file.write_text(f"{mark} {letters.replace('-', ' ').lower()}\r\n")
    assert key.load_secret(file) == SECRET
    for wrong in (
        letters[:-1],
        letters[1:],
        letters.replace(letters[7], "Z" if letters[7] != "Z" else "Y", 1),
        "!",
    ):
        file.write_text(f"{mark} {wrong}\n")
        with pytest.raises(ConfigError):
            key.load_secret(file)


def test_halves_that_are_mixed_up_are_told_apart(files: tuple[Path, Path]) -> None:
    with pytest.raises(ConfigError, match="public half"):
        key.load_secret(files[0])
    with pytest.raises(ConfigError, match="never lie on a till"):
        key.load_public(files[1])
    with pytest.raises(ConfigError, match="cannot be read"):
        key.load_public(files[0].with_name("none"))


def test_a_data_key_is_bound_to_its_terminal_and_run() -> None:
    made = key.new_data_key("till", [SECRET.public])
    for terminal, run in (("other", made.run), ("till", bytes(16))):
        with pytest.raises(IntegrityError):
            key.open_data_key(SECRET, terminal, run, made.slots)
    with pytest.raises(BackupError) as refused:
        key.open_data_key(OTHER_SECRET, "till", made.run, made.slots)
    assert refused.value.code == "backup.wrong_recovery_key"


def test_a_secret_does_not_show_itself() -> None:
    made = key.new_data_key("till", [SECRET.public])
    assert SECRET.raw.hex() not in repr(SECRET) + repr(made)
    assert repr(SECRET.raw) not in repr(SECRET)
    assert repr(made.key) not in repr(made)
