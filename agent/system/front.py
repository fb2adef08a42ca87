"""iiko and Syrve: what the till program says of itself in its files. It opens no port and starts nothing."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from agent.system import front_places, log_tail, pos
from agent.system.front_log import FrontLog
from agent.system.front_places import Place
from agent.system.probe import Detail, Measured, NotKnown, Scalar

EVERY_S = 600.0
_CONFIG_BYTES = 1 << 20
_ORGANISATION = re.compile(r"ID организации\s*:\s*(\d{1,20})")
_MAIN = re.compile(r"Is MainCash\s*:\s*(True|False)", re.IGNORECASE)
_MAIN_SET = re.compile(r"Is MainCash configured\s*:\s*(True|False)", re.IGNORECASE)
_ZONE = re.compile(r"Current time zone is \((UTC[+-]?[\d:]*)\)")
_NEVER = "0001-01-01"


@dataclass(frozen=True, slots=True)
class Told:
    """What is not said is None."""

    server_url: str | None = None
    organisation: str | None = None
    is_main: bool | None = None
    main_set: bool | None = None
    time_zone: str | None = None
    session: int | None = None
    session_opened: str | None = None


def read(place: Place) -> Told:
    """Of one CashServer folder; a file that is not there says nothing."""
    config, info = _text(place.config), _text(place.folder / "CashServerInfo.xml")
    log = _tail(place.logs / "cash-server.log")
    number = _element(info, "CurrentCafeSessionNumber")
    opened = _element(info, "CurrentCafeSessionOpenDate")
    return Told(
        server_url=server(_element(config, "serverUrl")),
        organisation=_last(_ORGANISATION, log),
        is_main=_truth(_last(_MAIN, log)),
        main_set=_truth(_last(_MAIN_SET, log)),
        time_zone=_last(_ZONE, log),
        session=int(number) if number and re.fullmatch(r"\d{1,9}", number) else None,
        session_opened=None if not opened or opened.startswith(_NEVER) else opened[:40],
    )


def server(url: str | None) -> str | None:
    """Without a name and a password, and without what stands behind the path."""
    if not url:
        return None
    try:
        parts = urlsplit(url.strip())
        host = f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname
    except ValueError:
        return None
    return f"{parts.scheme}://{host}{parts.path}"[:200] if parts.scheme and host else None


@dataclass(frozen=True, slots=True)
class Roots:
    """`profiles`: the home folders of all accounts; `programs`: such as C:\\Program Files."""

    profiles: Sequence[Path]
    programs: Sequence[Path]


@dataclass(slots=True)
class Front:
    """Of several folders the one that was written to last speaks; the others are named."""

    roots: Callable[[], Roots]
    now: Callable[[], datetime]
    table: pos.Table = pos.processes
    name: str = "front"
    every_s: float = EVERY_S
    _log: FrontLog = field(default_factory=FrontLog)

    def measure(self) -> Measured:
        roots = self.roots()
        found = sorted(front_places.places(roots.profiles), key=_written, reverse=True)
        programs = front_places.fronts(roots.programs)
        if not found and not programs:
            return Measured(facts={"pos.front": {"installed": False}})
        about = {"installed": bool(programs), "running": self._running(), **_fact(found, programs)}
        if not found:
            return Measured(facts={"pos.front": about})
        errors, last = self._log.look(found[0].logs, self.now())
        facts: dict[str, Detail] = {"pos.front": about, "pos.front_log": {"last_error": last}}
        return Measured({"front_log_errors": float(errors)}, facts=facts)

    def _running(self) -> bool | None:
        try:
            return any(
                pos.is_program(wanted, name, command)
                for _pid, name, command in self.table()
                for wanted in front_places.PROCESSES
            )
        except NotKnown:
            return None


def _fact(found: Sequence[Place], programs: Sequence[Path]) -> dict[str, Scalar]:
    plugins = [path.name for front in programs for path in front_places.plugins(front)]
    fact: dict[str, Scalar] = {
        "program": str(programs[0]) if programs else "",
        "plugins": ", ".join(sorted(plugins)),
        "folders": len(found),
    }
    if not found:
        return fact
    told = read(found[0])
    return fact | {
        "brand": found[0].brand,
        "account": found[0].account,
        "other_accounts": ", ".join(place.account for place in found[1:]),
        "server_url": told.server_url,
        "organisation_id": told.organisation,
        "is_main_terminal": told.is_main,
        "main_terminal_set": told.main_set,
        "time_zone": told.time_zone,
        "session": told.session,
        "session_opened": told.session_opened,
    }


def program_files(roots: Roots) -> list[Path]:
    """The till program and the libraries that its plug-ins name in their manifests: what a certificate is about."""
    files: list[Path] = []
    for front in front_places.fronts(roots.programs):
        files.append(front)
        for folder in front_places.plugins(front):
            manifest = front_places.child(folder, "Manifest.xml")
            named = _element(_text(manifest), "FileName") if manifest else None
            library = front_places.child(folder, named) if named and "/" not in named else None
            files += [library] if library else []
    return files


def _written(place: Place) -> float:
    times = []
    for path in (place.config, place.logs / "cash-server.log", place.folder):
        try:
            times.append(path.stat().st_mtime)
        except OSError:
            continue
    return max(times, default=0.0)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return log_tail.decoded(file.read(_CONFIG_BYTES)) if log_tail.inside(path) else ""
    except OSError:
        return ""


def _tail(path: Path) -> str:
    try:
        return log_tail.read(path) if log_tail.inside(path) else ""
    except OSError:
        return ""


def _element(text: str, name: str) -> str | None:
    """One element's text: these files hold passwords and more beside it, so nothing else of them is read."""
    found = re.search(rf"<{name}(?:\s[^>]*)?>([^<]*)</{name}>", text)
    if not found:
        return None
    from html import unescape  # noqa: PLC0415 - its table of names is a third of a megabyte

    return unescape(found[1]).strip() or None


def _last(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.findall(text)
    return str(found[-1]) if found else None


def _truth(word: str | None) -> bool | None:
    return None if word is None else word.casefold() == "true"
