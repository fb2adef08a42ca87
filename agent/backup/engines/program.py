"""The client programs of database makers: found, started with fixed arguments, their output streamed, their last words
translated. Never through a shell; a secret never becomes an argument."""

import io
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from protocols.errors import SnapshotFailed

LAST_WORDS_BYTES = 4000
END_S = 2.0
SHORT_S = 600.0
"""For what only asks; a dump has no limit, it is as long as the database."""


@dataclass(frozen=True, slots=True)
class Kit:
    """The programs of one maker. `places` are the folders where they usually lie, as patterns; of several versions
    the newest is taken, since an older client cannot read a newer server. `get` says how one comes by them."""

    maker: str
    places: tuple[str, ...]
    get: str
    folder: Path | None = None

    def find(self, *names: str) -> Path:
        """The first of `names` that is there. SnapshotFailed `backup.program_missing`."""
        for name in names:
            for folder in self._folders():
                found = folder / (f"{name}.exe" if sys.platform == "win32" else name)
                if found.is_file() and os.access(found, os.X_OK):
                    return found
        where = f"in {self.folder}" if self.folder else "on this computer"
        raise SnapshotFailed(
            f"the program {names[0]} of {self.maker} is not {where}: {self.get}, or name its folder with"
            " ?programs=FOLDER in the source",
            code="backup.program_missing",
            retriable=False,
        )

    def _folders(self) -> Iterator[Path]:
        if self.folder is not None:
            yield self.folder
            return
        for pattern in self.places:
            root = Path(Path(pattern).anchor)
            yield from sorted(root.glob(str(Path(pattern).relative_to(root))), key=_version, reverse=True)
        yield from (Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder)


def _version(folder: Path) -> tuple[int, ...]:
    """The last number in a path such as /usr/lib/postgresql/15/bin."""
    numbers = re.findall(r"\d+(?:\.\d+)*", str(folder))
    return tuple(int(part) for part in numbers[-1].split(".")) if numbers else ()


class ProgramFailed(Exception):
    """A program ended otherwise than well; its engine says what that means. `words` are the end of what it said."""

    def __init__(self, program: str, code: int, words: str) -> None:
        super().__init__(f"{program} ended with {code}: {words}")
        self.program, self.code, self.words = program, code, words


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a program's words mean: the first that matches counts. `text` may use {program} and {words}."""

    pattern: str
    code: str
    text: str
    retriable: bool = False


def failed(error: ProgramFailed, meanings: Sequence[Meaning]) -> SnapshotFailed:
    words = _last_line(error.words)
    for meaning in meanings:
        if re.search(meaning.pattern, error.words, re.IGNORECASE):
            text = meaning.text.format(program=error.program, words=words)
            return SnapshotFailed(text, code=meaning.code, retriable=meaning.retriable)
    return SnapshotFailed(f"{error.program} ended with {error.code}: {words}")


def _last_line(words: str) -> str:
    """What a person needs of it: the lines that say "error", or else the last."""
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    errors = [line for line in lines if re.search(r"error|fatal|denied", line, re.IGNORECASE)]
    return " / ".join((errors or lines)[-2:])[:400] or "it said nothing"


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """English messages: they are read by programs and shown to technicians."""
    return {**os.environ, "LC_ALL": "C.UTF-8", "LANGUAGE": "C", **(extra or {})}


def run(
    arguments: Sequence[str | Path],
    *,
    stdin: str | IO[bytes] | None = None,
    extra: Mapping[str, str] | None = None,
    limit_s: float | None = SHORT_S,
    folder: Path | None = None,
    account: str | None = None,
) -> str:
    """What it wrote to its standard output. ProgramFailed also where it took longer than `limit_s`."""
    name = Path(arguments[0]).name
    try:
        done = subprocess.run(
            [str(argument) for argument in arguments],
            input=stdin if isinstance(stdin, str) else None,
            stdin=None if isinstance(stdin, str) else stdin or subprocess.DEVNULL,
            capture_output=True,
            env=environment(extra),
            timeout=limit_s,
            cwd=folder,
            text=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            user=account,
            group=account,
            extra_groups=[] if account else None,
        )
    except subprocess.TimeoutExpired as e:
        raise ProgramFailed(name, -1, f"it did not end within {limit_s:.0f} s") from e
    except OSError as e:
        raise ProgramFailed(name, -1, f"it cannot be started: {e.strerror}") from e
    if done.returncode != 0:
        raise ProgramFailed(name, done.returncode, (done.stderr or done.stdout)[-LAST_WORDS_BYTES:])
    return done.stdout


class Running:
    """A program that is at work. What it says on the side goes to a file, so that it never waits for a reader."""

    def __init__(self, process: "subprocess.Popen[bytes]", words: IO[bytes]) -> None:
        self._process, self._words = process, words
        self.name = Path(str(process.args[0] if isinstance(process.args, list) else process.args)).name

    @property
    def output(self) -> IO[bytes]:
        assert self._process.stdout is not None  # noqa: S101 - for the type checker: `started` asks for one
        return self._process.stdout

    @property
    def input(self) -> IO[bytes]:
        assert self._process.stdin is not None  # noqa: S101 - for the type checker: `started` asks for one
        return self._process.stdin

    @property
    def words(self) -> str:
        """The end of what it said so far."""
        end = self._words.seek(0, io.SEEK_END)
        self._words.seek(max(0, end - LAST_WORDS_BYTES))
        return self._words.read().decode("utf-8", "replace")

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def finish(self, limit_s: float | None = None) -> None:
        """Waits for its end. ProgramFailed."""
        if self._process.stdin and not self._process.stdin.closed:
            self._process.stdin.close()
        try:
            code = self._process.wait(limit_s)
        except subprocess.TimeoutExpired as e:
            raise ProgramFailed(self.name, -1, f"it did not end within {limit_s} s") from e
        if code != 0:
            raise ProgramFailed(self.name, code, self.words)

    def end(self) -> None:
        """If it is still there."""
        if self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def started(
    arguments: Sequence[str | Path],
    *,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.PIPE,
    extra: Mapping[str, str] | None = None,
    account: str | None = None,
) -> Iterator[Running]:
    """Ended with the block, whatever ends that."""
    listed = [str(argument) for argument in arguments]
    with tempfile.TemporaryFile() as words:
        try:
            process = subprocess.Popen(
                listed,
                stdin=stdin,
                stdout=stdout,
                stderr=words,
                env=environment(extra),
                user=account,
                group=account,
                extra_groups=[] if account else None,
            )
        except OSError as e:
            raise ProgramFailed(Path(listed[0]).name, -1, f"it cannot be started: {e.strerror}") from e
        running = Running(process, words)
        try:
            with process:
                try:
                    yield running
                finally:
                    running.end()
        except BrokenPipeError as e:
            raise ProgramFailed(running.name, process.returncode, running.words) from e
