"""One suite over every engine: a copy of one moment of a living source, the same facts again after a restore, what is
cut or spoilt is noticed, and no trace left."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from agent.backup.catalogue import Wanted, choose
from agent.backup.drill import drill, verify
from agent.backup.engines import ENGINES, Evidence, Facts, Kind, NoPause, Pace, Part, engine
from agent.backup.progress import Silent
from agent.backup.repository.local import LocalRepository
from agent.backup.run import Job, Signer, backup
from agent.config import load
from agent.runtime.clock import SystemClock
from protocols.errors import ConfigError, IntegrityError, SnapshotFailed
from tests.agent.backup.till import KEY, SECRET, TERMINAL
from tests.contract.living import SOURCES, Living

NAMES = sorted(SOURCES)
EXAMPLE = Path(__file__).parents[2] / "config" / "agent.example.toml"
pytestmark = pytest.mark.xdist_group("databases")


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def living(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> Living:
    (tmp_path / "living").mkdir()
    return SOURCES[name](tmp_path / "living", request)


def staging(root: Path, number: int = 1) -> Path:
    folder = root / f"staging{number}"
    folder.mkdir()
    return folder


def test_the_registry_knows_it_and_no_other(name: str) -> None:
    assert engine(name).name == name
    with pytest.raises(ConfigError) as refused:
        engine(f"{name}x")
    assert name in refused.value.allowed


def test_every_engine_is_tried_and_says_on_what() -> None:
    assert sorted(ENGINES) == NAMES
    assert [engine(name).name for name in ENGINES] == list(ENGINES)
    faked = {name for name in ENGINES if engine(name).evidence is Evidence.FAKED}
    assert faked == {"mssql"}


def test_every_engine_has_an_example_that_the_agent_takes(tmp_path: Path) -> None:
    text = EXAMPLE.read_text("utf-8")
    sections = re.findall(r"^(?:# )?\[\[backup\]\]\n(?:(?:# ?)?[^\n\[]*\n)+", text, re.MULTILINE)
    shown = "".join(re.sub(r"^# (?=\[|\w+ = )", "", section, flags=re.MULTILINE) for section in sections[1:])
    (tmp_path / "agent.toml").write_text(f'[collector]\nurl = "https://c.example"\n{shown}', "utf-8")
    plans = load(tmp_path / "agent.toml").backups
    assert {plan.engine for plan in plans} | {"sqlite"} == set(ENGINES)
    for plan in plans:
        with (
            pytest.raises((ConfigError, SnapshotFailed)) as failed,
            engine(plan.engine).snapshot(plan.source, tmp_path, NoPause()),
        ):
            pass
        assert isinstance(failed.value, SnapshotFailed) or "is not there" in str(failed.value), failed.value


@dataclass(frozen=True)
class Taken:
    """What a restore would give back: the parts, read as a backup reads them."""

    where: Path
    names: tuple[str, ...]
    facts: Facts


def take(name: str, living: Living, root: Path, during: Callable[[], None] = lambda: None) -> Taken:
    root.mkdir()
    (root / "staging").mkdir()
    (root / "restored").mkdir()
    names = []
    with engine(name).snapshot(living.source, root / "staging", NoPause()) as made:
        during()
        for part in made.parts:
            names.append(part.name)
            write(part, root / "restored" / part.name)
        facts = made.facts()
    where = root / "restored" / names[0] if len(names) == 1 and "/" not in names[0] else root / "restored"
    return Taken(where, tuple(names), facts)


def write(part: Part, to: Path, pace: Pace = NoPause()) -> None:  # noqa: B008 - has no state
    to.parent.mkdir(parents=True, exist_ok=True)
    if part.kind is Kind.FOLDER:
        to.mkdir(exist_ok=True)
    elif "same_as" in part.meta:
        os.link(to.parents[part.name.count("/")] / str(part.meta["same_as"]), to)
    elif part.kind is Kind.LINK:
        to.symlink_to(str(part.meta["target"]))
    else:
        buffer = memoryview(bytearray(1 << 18))
        with part.open() as reader, to.open("wb") as out:
            while count := reader.readinto(buffer):
                out.write(buffer[:count])
                pace.between(count, 0)
        if "mtime_ns" in part.meta:
            os.utime(to, ns=(int(part.meta["mtime_ns"] or 0),) * 2)


def made_of(folder: Path) -> list[tuple[Path, int]]:
    return sorted((path, path.lstat().st_mtime_ns) for path in (folder, *folder.rglob("*")))


def test_the_copy_stands_still_while_the_source_goes_on(name: str, living: Living, tmp_path: Path) -> None:
    still = take(name, living, tmp_path / "still")
    moving = take(name, living, tmp_path / "moving", during=living.write)
    assert living.contents(moving.facts) == living.contents(still.facts)
    assert len(set(moving.names)) == len(moving.names) >= 1


@contextmanager
def selling(write: Callable[[], None]) -> Iterator[list[int]]:
    """The count of the writes so far, the first of which has begun."""
    stop, sold, failed = Event(), [0], []

    def sell() -> None:
        try:
            while not stop.is_set():
                write()
                sold[0] += 1
        except BaseException as e:
            failed.append(e)
            raise

    thread = Thread(target=sell)
    thread.start()
    try:
        yield sold
    finally:
        stop.set()
        thread.join(60)
    assert not failed


def test_a_copy_under_writes_is_of_one_moment_and_restores(name: str, living: Living, tmp_path: Path) -> None:
    living.grow()
    with selling(living.write) as sold:
        while not sold[0]:
            assert not Event().wait(0.01)
        for attempt in range(50):
            before = sold[0]
            made = take(name, living, tmp_path / f"copy{attempt}")
            if sold[0] > before:
                break
        else:
            pytest.fail("nothing was written during any of the copies")
    assert living.of_one_moment(made.facts)
    before_it = made_of(made.where)
    assert verify(engine(name), made.where, made.facts, tmp_path / "check") == made.facts
    assert made_of(made.where) == before_it, "a check leaves what it checks as it is"


def test_the_whole_way_through_a_repository_and_back(name: str, living: Living, tmp_path: Path) -> None:
    """The second backup follows the first, and a drill proves it."""
    repository = LocalRepository(tmp_path / "repository")
    (tmp_path / "repository").mkdir()
    job = Job(name, engine(name), living.source, [SECRET.public], tmp_path / "state")
    given: dict[str, Any] = {"pace": NoPause(), "progress": Silent()}
    backup(job, repository, Signer(TERMINAL, KEY), SystemClock(), **given)
    living.write()
    second = backup(job, repository, Signer(TERMINAL, KEY), SystemClock(), **given)
    assert second.header.sequence == 2
    assert second.header.changed_bytes <= second.header.source_bytes
    found = choose(repository, Wanted())
    proof = drill(found, repository, SECRET, tmp_path / "scratch", clock=SystemClock(), progress=Silent())
    assert (proof.ok, proof.error, proof.facts) == (True, "", second.facts)
    assert not list((tmp_path / "scratch").iterdir())
    assert not [path for path in (tmp_path / "state" / "staging").rglob("*") if path.is_file()]


def test_other_contents_have_other_facts(name: str, living: Living, tmp_path: Path) -> None:
    first = take(name, living, tmp_path / "first")
    living.write()
    second = take(name, living, tmp_path / "second")
    assert first.facts != second.facts
    with pytest.raises(IntegrityError):
        verify(engine(name), second.where, first.facts, tmp_path / "check")


def test_a_spoilt_copy_is_noticed(name: str, living: Living, tmp_path: Path) -> None:
    made = take(name, living, tmp_path / "copy")
    living.spoil(made.where)
    with pytest.raises(IntegrityError):
        verify(engine(name), made.where, made.facts, tmp_path / "check")


def test_a_cut_copy_is_noticed_by_the_engine_alone(name: str, living: Living, tmp_path: Path) -> None:
    """All but a folder know themselves where they end."""
    made = take(name, living, tmp_path / "copy")
    living.cut(made.where)
    with pytest.raises(IntegrityError) as noticed:
        verify(engine(name), made.where, made.facts, tmp_path / "check")
    assert (noticed.value.code == "backup.facts") == (name == "files")


def test_a_source_that_is_not_there_is_told_and_not_made(name: str, living: Living, tmp_path: Path) -> None:
    for _ in range(2):
        with (
            pytest.raises(SnapshotFailed) as failed,
            engine(name).snapshot(living.missing, staging(tmp_path, _), NoPause()) as made,
        ):
            [write(part, tmp_path / "nothing" / part.name) for part in made.parts]
        assert failed.value.code == living.missing_code
        assert failed.value.retriable == (living.missing_code == "backup.source_unreachable")


def test_a_copy_can_be_given_up_between_two_steps(name: str, living: Living, tmp_path: Path) -> None:
    class Stop:
        def between(self, done: int, total: int) -> None:
            raise SnapshotFailed("the till is busy", code="backup.busy")

    living.grow()
    with (
        pytest.raises(SnapshotFailed) as failed,
        engine(name).snapshot(living.source, staging(tmp_path), Stop()) as made,
    ):
        [write(part, tmp_path / "given-up" / part.name, Stop()) for part in made.parts]
    assert failed.value.code == "backup.busy"
    living.write()
