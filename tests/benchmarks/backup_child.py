"""One backup or restore of ours, in a process of its own that can be measured: `still` reads a file that nobody writes
to, as restic and borg do; `sqlite` makes a consistent copy and counts it first, as on a till.
`python -m tests.benchmarks.backup_child backup still|sqlite|dump SOURCE FOLDER [delta] [gently]`, `restore FOLDER
TO`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.backup.catalogue import Wanted, choose
from agent.backup.engines import Cut, Engine, Facts, NoPause, Pace, Snapshot, engine, file_part
from agent.backup.gentle import step_back
from agent.backup.key import RecoverySecret
from agent.backup.progress import Silent
from agent.backup.repository.local import LocalRepository
from agent.backup.run import Job, Signer, backup
from agent.runtime.clock import SystemClock

SECRET = RecoverySecret(bytes(range(32)))


class Still:
    name = "still"

    def __init__(self, cut: Cut) -> None:
        self._cut = cut

    @contextmanager
    def snapshot(self, source: str, staging: Path, pace: Pace) -> Iterator[Snapshot]:
        part = file_part(Path(source).name, Path(source), self._cut)
        yield Snapshot((part,), dict, "still", part.size_bytes)

    def verify(self, restored: Path, scratch: Path) -> Facts:
        return {}


def main(words: list[str]) -> None:
    if words[0] == "restore":
        from agent.backup.restore import restore  # noqa: PLC0415 - as the commands do: each imports its own

        repository = LocalRepository(Path(words[1]) / "repository")
        restore(
            choose(repository, Wanted()), repository, SECRET, Path(words[2]), progress=Silent(), force=True
        )
        return
    if "gently" in words:  # as the resident agent starts it
        step_back()
    engines: dict[str, Engine] = {"still": Still(Cut.PAGES), "dump": Still(Cut.CHUNKS)}
    by = engines.get(words[1]) or engine(words[1])
    folder = Path(words[3])
    (folder / "repository").mkdir(parents=True, exist_ok=True)
    job = Job("pos", by, words[2], [SECRET.public], folder / "state", delta="delta" in words[4:])
    signer = Signer("till", Ed25519PrivateKey.from_private_bytes(bytes(32)))
    to = LocalRepository(folder / "repository")
    backup(job, to, signer, SystemClock(), pace=NoPause(), progress=Silent())


if __name__ == "__main__":
    main(sys.argv[1:])
