"""What the till program's logs say anew: how many errors, and the last of them, without what tells of people."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from agent.masking.personal import mask
from agent.system import log_tail

FILES = ("error.log", "cash-server.log")
TOLD_EVERY = timedelta(hours=1)
"""The words of an error are told no oftener; their number always is."""
_ERROR = re.compile(r"\b(?:ERROR|FATAL)\b")
"""The levels of log4net and NLog, which stay as they are in every language."""
_LINE = 300


@dataclass(slots=True)
class FrontLog:
    """Reads on from where it was. The first look at a file only finds its end: what was before is not news."""

    _places: dict[Path, int] = field(default_factory=dict)
    _last: str = ""
    _told_at: datetime | None = None

    def look(self, folder: Path, now: datetime) -> tuple[int, str]:
        """Errors since the last look, and the last one that was told."""
        lines = [line for name in FILES for line in self._news(folder, name) if _ERROR.search(line)]
        if lines and (self._told_at is None or not self._told_at <= now < self._told_at + TOLD_EVERY):
            self._last, self._told_at = mask(lines[-1].strip())[:_LINE], now
        return len(lines), self._last

    def _news(self, folder: Path, name: str) -> Iterator[str]:
        path = folder / name
        try:
            if not log_tail.inside(path):
                return
            size = path.stat().st_size
            known = self._places.setdefault(path, size)
            text, self._places[path] = _whole_lines(path, known if known <= size else 0, size)
        except FileNotFoundError:
            self._places[path] = 0  # all that will be in it is news
            return
        except OSError:
            return
        yield from text.splitlines()


def _whole_lines(path: Path, start: int, size: int) -> tuple[str, int]:
    """From `start`, or from as much before the end as is read at once; and where to go on."""
    begin = max(start, size - log_tail.TAIL_BYTES)
    with path.open("rb") as file:
        file.seek(begin)
        data = file.read(size - begin)
    whole = data.rfind(b"\n") + 1
    first = data.find(b"\n") + 1 if begin > start else 0
    return log_tail.decoded(data[first:whole]), begin + whole
