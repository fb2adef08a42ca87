"""The ends of the logs that the configuration names, and of the agent's own, with secrets and people masked."""

import os
from collections.abc import Iterator
from pathlib import Path

from agent.jobs.work import Context, Exit, Outcome, Scalar
from protocols.wire.job import CollectLogs

FILES = 16
TOGETHER_BYTES = 24_000
"""No further log is begun after so many."""
NO_LINKS: int = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
OWN = "agent.log"
"""What agent.runtime.logs writes in the state folder."""


class Collect:
    def describe(self, parameters: CollectLogs) -> str:
        return f"collect the last {parameters.bytes_each} bytes of each log"

    def dry_run(self, context: Context[CollectLogs]) -> Outcome:
        found = [f"{path} ({path.stat().st_size} bytes)" for path in _files(context)]
        return Outcome(output="would read\n" + "\n".join(found), evidence={"files": len(found)})

    def run(self, context: Context[CollectLogs]) -> Outcome:
        parts: list[str] = []
        evidence: dict[str, Scalar] = {"files": 0}
        bad = room = 0
        for path in _files(context):
            if room > TOGETHER_BYTES:
                break
            try:
                text = _tail(path, context.parameters.bytes_each)
            except OSError as e:
                text, bad = f"cannot be read: {e.strerror or e}", bad + 1
            parts.append(f"== {path}\n{text}")
            room += len(text)
        evidence["files"] = len(parts)
        if not parts:
            return Outcome(Exit.WRONG, "job.no_logs", "the configuration names no log that is there")
        return Outcome(
            Exit.FAILED if bad == len(parts) else Exit.DONE,
            "job.logs_unreadable" if bad == len(parts) else "",
            "\n".join(parts),
            evidence,
        )


def _files(context: Context[CollectLogs]) -> list[Path]:
    """The newest first."""
    found = {path for path in _named(context) if path.is_file() and not path.is_symlink()}
    return sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)[:FILES]


def _named(context: Context[CollectLogs]) -> Iterator[Path]:
    yield context.config.agent.state_dir / OWN
    for pattern in context.config.jobs.logs:
        yield from pattern.parent.glob(pattern.name) if pattern.parent.is_dir() else ()


def _tail(path: Path, size: int) -> str:
    """Whole lines: half a secret would not be known as one. No links: who may write beside a log must not have
    another file read by the agent."""
    with open(os.open(path, os.O_RDONLY | NO_LINKS), "rb") as file:  # noqa: PTH123 - see above
        end = file.seek(0, os.SEEK_END)
        file.seek(max(0, end - size))
        text = file.read(size).decode("utf-8", "replace")
    return text if end <= size else text.partition("\n")[2]
