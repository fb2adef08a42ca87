"""The list of certified versions that the collector gave, and what of the cash programs is not on it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.system.probe import Condition, NotKnown, count
from agent.system.program import Program

CODE = "software.uncertified"
FILE = "certified.json"
"""In the state folder: {"programs": [{"name": "iikoFront.Net.exe", "version": "9.2.8035.0", "sha256": "..."}]}. Each
entry is one certified state of one program; "sha256" may be missing or empty, and then any content will do."""


@dataclass(frozen=True, slots=True)
class Entry:
    name: str
    version: str
    sha256: str = ""

    def allows(self, program: Program) -> bool:
        same = self.version == program.version
        return same and (not self.sha256 or self.sha256.casefold() == program.sha256)


def read(state_dir: Path) -> tuple[Entry, ...] | None:
    """None where the collector gave no list. NotKnown where it cannot be read."""
    try:
        told = json.loads((state_dir / FILE).read_text("utf-8"))
        rows = told["programs"]
        return tuple(Entry(str(r["name"]), str(r["version"]), str(r.get("sha256") or "")) for r in rows)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        raise NotKnown("the list of certified versions cannot be read") from e


def judge(entries: Sequence[Entry] | None, programs: Sequence[Program]) -> Condition:
    """A program that the list does not name at all is not judged: the list is about others."""
    if entries is None:
        return count(CODE, None, "the collector has given no list of certified versions")
    listed = {entry.name.casefold() for entry in entries}
    judged = [p for p in programs if p.name.casefold() in listed]
    if not judged:
        return count(CODE, None, "the list of certified versions names none of the programs found here")
    unread = [f"{program.name}: {program.problem}" for program in judged if program.problem]
    wrong = [p for p in judged if not p.problem and not _certified(entries, p)]
    if wrong:
        names = ", ".join(f"{p.name} {p.version or p.sha256[:12]}" for p in wrong)
        return count(CODE, len(wrong), f"not on the list of certified versions: {names}")
    return count(CODE, None if unread else 0, "; ".join(unread) or "all versions found are certified")


def _certified(entries: Sequence[Entry], program: Program) -> bool:
    return any(e.allows(program) for e in entries if e.name.casefold() == program.name.casefold())
