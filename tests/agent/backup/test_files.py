"""A folder comes back as it was: bytes, times, permissions, links and second names."""

import os
import socket
import stat
from pathlib import Path

import pytest

from agent.backup.engines import Kind, NoPause
from agent.backup.engines.files import FilesEngine
from agent.backup.progress import Silent
from agent.backup.run import Done, Job, Signer, backup
from agent.runtime.clock import SystemClock
from protocols.errors import SnapshotFailed
from tests.agent.backup.till import KEY, TERMINAL, Till


def program(root: Path) -> Path:
    folder = root / "program"
    (folder / "plug-ins" / "empty").mkdir(parents=True)
    (folder / "start").write_bytes(os.urandom(200_000))
    (folder / "start").chmod(0o4750)
    (folder / "plug-ins" / "kāse.cfg").write_text("number = 1\n")
    (folder / "plug-ins" / "kāse.cfg").chmod(0o640)
    os.utime(folder / "plug-ins" / "kāse.cfg", ns=(1_700_000_000_123_456_789,) * 2)
    (folder / "now").symlink_to("plug-ins/kāse.cfg")
    (folder / "gone").symlink_to("no/such")
    os.link(folder / "start", folder / "plug-ins" / "start-again")
    (folder / "cache").mkdir()
    (folder / "cache" / "junk.tmp").write_bytes(b"x" * 5000)
    (folder / "plug-ins" / "empty").chmod(0o700)
    os.utime(folder / "plug-ins" / "empty", ns=(1_600_000_000_000_000_000,) * 2)
    return folder


def keep(till: Till, source: str) -> Done:
    till.folder.mkdir(exist_ok=True)
    job = Job("program", FilesEngine(), source, till.recipients, till.root / "state")
    signer = Signer(TERMINAL, KEY)
    return backup(job, till.repository, signer, SystemClock(), pace=NoPause(), progress=Silent())


def described(folder: Path) -> dict[str, tuple[object, ...]]:
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        mode = stat.S_IMODE(status.st_mode) & 0o777
        if path.is_symlink():
            found[str(path.relative_to(folder))] = ("link", str(path.readlink()))
        elif path.is_dir():
            found[str(path.relative_to(folder))] = ("folder", mode, status.st_mtime_ns)
        else:
            content = path.read_bytes()
            found[str(path.relative_to(folder))] = (
                "file",
                mode,
                status.st_mtime_ns,
                status.st_nlink,
                content,
            )
    return found


def test_a_folder_comes_back_as_it_was(till: Till) -> None:
    folder = program(till.root)
    done = keep(till, str(folder))
    assert till.drill().facts == done.facts
    till.restore(till.root / "back")
    assert described(till.root / "back" / "program") == described(folder)
    start = till.root / "back" / "program" / "start"
    assert stat.S_IMODE(start.stat().st_mode) == 0o750, "a set-user bit is not given back"
    assert start.samefile(till.root / "back" / "program" / "plug-ins" / "start-again")


def test_what_did_not_change_is_not_read_again(till: Till) -> None:
    folder = program(till.root)
    keep(till, str(folder))
    (folder / "plug-ins" / "kāse.cfg").write_text("number = 2\n")
    before = len(till.objects())
    second = keep(till, str(folder))
    assert second.header.changed_bytes < 1000
    assert len(till.objects()) == before + 2
    till.restore(till.root / "back")
    assert described(till.root / "back" / "program") == described(folder)


def test_patterns_leave_out_by_name_and_by_path(till: Till) -> None:
    folder = program(till.root)
    names = listed(f"{folder}?exclude=*.tmp;plug-ins/empty")
    assert "program/cache" in names
    assert not {"program/cache/junk.tmp", "program/plug-ins/empty"} & set(names)


def listed(source: str) -> list[str]:
    with FilesEngine().snapshot(source, Path(), NoPause()) as made:
        return [part.name for part in made.parts]


def test_one_file_is_a_file_again(till: Till) -> None:
    folder = program(till.root)
    keep(till, str(folder / "start"))
    till.restore(till.root / "start-back")
    assert (till.root / "start-back").read_bytes() == (folder / "start").read_bytes()
    assert till.drill().ok


def test_what_vanishes_meanwhile_is_left_out_and_what_grows_is_marked(tmp_path: Path) -> None:
    folder = program(tmp_path)
    seen = {}
    with FilesEngine().snapshot(str(folder), Path(), NoPause()) as made:
        for part in made.parts:
            if part.name == "program/cache":
                (folder / "plug-ins" / "kāse.cfg").unlink()
            if part.kind is not Kind.FILE:
                continue
            with part.open() as reader:
                with (folder / part.name.partition("/")[2]).open("ab") as growing:
                    growing.write(b"more" * (part.name == "program/plug-ins/start-again"))
                size, buffer = 0, memoryview(bytearray(1 << 16))
                while count := reader.readinto(buffer):
                    size += count
            seen[part.name] = (size, part.meta.get("changed_while_read"))
        facts = made.facts()
    assert seen == {"program/cache/junk.tmp": (5000, None), "program/plug-ins/start-again": (200_004, True)}
    assert facts["bytes"] == 5000 + 200_004 + 200_004, "the second name counts as it is when it is told"


def test_what_may_not_be_read_is_an_error_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = program(tmp_path)

    def refused(path: str, *_: object, **__: object) -> object:
        if path.endswith("junk.tmp"):
            raise PermissionError(13, "Permission denied")
        return real(path, *_, **__)  # type: ignore[call-overload]

    real = open
    monkeypatch.setattr("builtins.open", refused)
    with (
        pytest.raises(SnapshotFailed) as failed,
        FilesEngine().snapshot(str(folder), Path(), NoPause()) as made,
    ):
        list(made.parts)
    assert failed.value.code == "backup.access_denied"
    assert "junk.tmp" in str(failed.value)
    assert "exclude" in str(failed.value)


def test_pipes_and_sockets_hold_nothing(tmp_path: Path) -> None:
    folder = program(tmp_path)
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(folder / "s"))
        assert not {"program/pipe", "program/s"} & set(listed(str(folder)))


@pytest.mark.parametrize("name", ["a:b", "a\\b", b"caf\xe9".decode("utf-8", "surrogateescape")])
def test_a_name_that_no_restore_could_write_is_refused_now(tmp_path: Path, name: str) -> None:
    folder = program(tmp_path)
    (folder / name).touch()
    with pytest.raises(SnapshotFailed) as failed:
        listed(str(folder))
    assert failed.value.code == "backup.source_wrong"
