"""Which of the cash programs changed since they were last seen. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from agent.system.probe import Condition, Plain, count
from agent.system.program import Program

CODE = "software.version_changed"
STANDS = timedelta(days=7)
"""A change is told for so long: within a week of it the law wants a backup of the new version. After that the new
version is the known one."""


@dataclass(frozen=True, slots=True)
class Seen:
    """`before` is the digest and the version that were known before the change at `changed_at`."""

    version: str
    sha256: str
    before: tuple[str, str] | None = None
    changed_at: datetime | None = None


def look(known: Mapping[str, Seen], programs: Sequence[Program], now: datetime) -> dict[str, Seen]:
    """What is known after this look, by path. A program that could not be read, or that is not found, stays as it
    was; one that comes back to what it was before its change has not changed."""
    after = dict(known)
    for program in programs:
        if program.problem:
            continue
        last = known.get(program.path)
        if last is None:
            after[program.path] = Seen(program.version, program.sha256)
        elif last.sha256 != program.sha256:
            after[program.path] = _changed(last, program, now)
        elif last.changed_at is not None and not last.changed_at <= now < last.changed_at + STANDS:
            after[program.path] = replace(last, before=None, changed_at=None)
    return after


def _changed(last: Seen, program: Program, now: datetime) -> Seen:
    before = last.before or (last.sha256, last.version)
    if program.sha256 == before[0]:
        return Seen(program.version, program.sha256)
    return Seen(program.version, program.sha256, before, now)


def judge(seen: Mapping[str, Seen], programs: Sequence[Program]) -> Condition:
    names = {program.path: program.name for program in programs}
    changed = [(names[path], one) for path, one in sorted(seen.items()) if one.changed_at and path in names]
    if changed:
        words = ", ".join(f"{name} {_words(one)}" for name, one in changed)
        return count(CODE, len(changed), f"changed in the last {STANDS.days} days: {words}")
    unread = [f"{program.name}: {program.problem}" for program in programs if program.problem]
    if unread or not programs:
        return count(CODE, None, "; ".join(unread) or "no cash program was found")
    return count(CODE, 0, "every cash program is as it was")


def _words(one: Seen) -> str:
    was = one.before[1] if one.before else ""
    if one.version and was != one.version:
        return f"from {was or 'no version'} to {one.version}"
    return "its content, not its version" if one.version else "its content"


def export(seen: Mapping[str, Seen]) -> dict[str, Plain]:
    return {
        path: [
            one.version,
            one.sha256,
            *(one.before or ("", "")),
            one.changed_at.isoformat() if one.changed_at else "",
        ]
        for path, one in seen.items()
    }


def restore(kept: Plain) -> dict[str, Seen]:
    """What cannot be read is begun anew."""
    found: dict[str, Seen] = {}
    for path, row in kept.items() if isinstance(kept, Mapping) else ():
        try:
            version, digest, was, was_version, at = map(str, row)  # type: ignore[arg-type] # checked by doing it
            changed_at = datetime.fromisoformat(at) if at else None
        except (TypeError, ValueError):
            continue
        found[path] = Seen(version, digest, (was, was_version) if changed_at else None, changed_at)
    return found
