"""A key in three parts, and the rehearsal that proves that it still opens old backups."""

import itertools
import json
from pathlib import Path

import pytest

from agent.backup import key
from agent.backup.key_split import PART_MARK, join
from agent.cli import main
from protocols.errors import ConfigError
from protocols.wire.snapshot import object_path
from tests.agent.backup.till import OTHER_SECRET, SECRET, Till


@pytest.fixture
def parts(tmp_path: Path) -> list[Path]:
    assert main(["recovery-key", "--out", str(tmp_path / "keys"), "--split"]) == 0
    return sorted((tmp_path / "keys").glob("recovery.part*"))


def test_any_two_of_three_parts_open_and_one_does_not(parts: list[Path]) -> None:
    public = key.load_public(parts[0].with_name("recovery.pub"))
    assert [path.name for path in parts] == ["recovery.part1", "recovery.part2", "recovery.part3"]
    assert not parts[0].with_name("recovery.key").exists()
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in parts)
    for two in itertools.combinations(parts, 2):
        assert join(two).public == public
    assert join(parts).public == public
    for one in parts:
        with pytest.raises(ConfigError, match="2 of 3 are needed"):
            join([one, one])


def test_a_part_typed_from_paper_and_one_with_an_error(parts: list[Path], tmp_path: Path) -> None:
    (line,) = [line for line in parts[0].read_text().splitlines() if line.startswith(PART_MARK)]
    typed = tmp_path / "typed"
    mark, key_id, *words = line.split()
    typed.write_text(f"{mark} {key_id} {' '.join(words).upper()}\r\n")
    assert join([typed, parts[1]]).public.id == key_id
    for wrong in (words[:-1], ["academic", *words[1:]], [*words[:9], "zebra", *words[10:]], words[::-1]):
        typed.write_text(f"{mark} {key_id} {' '.join(wrong)}\n")
        with pytest.raises(ConfigError, match="typing error"):
            join([typed, parts[1]])


def test_parts_of_two_keys_are_told_apart(parts: list[Path], tmp_path: Path) -> None:
    assert main(["recovery-key", "--out", str(tmp_path / "other"), "--split"]) == 0
    with pytest.raises(ConfigError, match="different keys"):
        join([parts[0], tmp_path / "other" / "recovery.part2"])
    with pytest.raises(ConfigError, match="holds no line"):
        join([parts[0], parts[0].with_name("recovery.pub")])


def test_a_restore_with_two_parts(parts: list[Path], till: Till, capsys: pytest.CaptureFixture[str]) -> None:
    till.make_database(journal="delete")
    till.recipients = [key.load_public(parts[0].with_name("recovery.pub"))]
    till.backup()
    capsys.readouterr()
    words = ["restore", "--repository", str(till.folder), "--to", str(till.root / "back.db"), "--json"]
    assert main([*words, "--recovery-key", str(parts[0])]) == 2
    assert main([*words, "--recovery-key", str(parts[2]), "--recovery-key", str(parts[0])]) == 0
    assert (till.root / "back.db").read_bytes() == till.database.read_bytes()


def rehearse(
    till: Till, secret: key.RecoverySecret, capsys: pytest.CaptureFixture[str]
) -> tuple[int, dict[str, object]]:
    file = till.root / "kept.key"
    file.write_text(key.encode(key.SECRET_MARK, secret.raw))
    capsys.readouterr()
    where = ["--repository", str(till.folder), "--recovery-key", str(file)]
    code = main(["recovery-key", "--rehearse", *where, "--json"])
    answer: dict[str, object] = json.loads(capsys.readouterr().out)
    assert main(["recovery-key", "--rehearse", *where]) == code
    assert capsys.readouterr().out
    return code, answer


def test_a_rehearsal_opens_every_old_backup(till: Till, capsys: pytest.CaptureFixture[str]) -> None:
    assert rehearse_empty(till, capsys) == 1
    till.make_database()
    for _ in range(3):
        till.backup()
        till.add(3)
    code, told = rehearse(till, SECRET, capsys)
    assert (code, told["ok"], told["opened"]) == (0, True, 3)
    code, told = rehearse(till, OTHER_SECRET, capsys)
    assert (code, told["ok"], told["opened"]) == (1, False, 0)
    assert {row["error"] for row in told["failed"]} == {"backup.wrong_recovery_key"}  # type: ignore[attr-defined]


def rehearse_empty(till: Till, capsys: pytest.CaptureFixture[str]) -> int:
    till.folder.mkdir()
    return rehearse(till, SECRET, capsys)[0]


def test_a_rehearsal_names_what_does_not_open(till: Till, capsys: pytest.CaptureFixture[str]) -> None:
    till.make_database()
    first = till.backup()
    till.add(3)
    till.backup()
    pack = till.folder / object_path(f"packs/{first.header.packs[0].digest}")
    data = bytearray(pack.read_bytes())
    data[len(data) // 2] ^= 1
    pack.write_bytes(data)
    code, told = rehearse(till, SECRET, capsys)
    assert (code, told["opened"]) == (1, 1)
    assert told["failed"][0]["snapshot"] == first.snapshot  # type: ignore[index]


def test_a_rehearsal_goes_through_all_tills_of_a_storage(
    till: Till, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    storage = tmp_path / "storage"
    storage.mkdir()
    for number in range(2):
        one = Till(tmp_path / f"till{number}", terminal=f"till-{number}")
        one.root.mkdir()
        one.make_database()
        one.backup()
        one.folder.rename(storage / one.terminal)
    till.folder.symlink_to(storage)
    assert rehearse(till, SECRET, capsys)[1]["opened"] == 2
