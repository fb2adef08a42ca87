"""Where iiko and Syrve keep things: the data of the till program in every account's profile, and its program files.
It only lists folders."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

BRANDS = ("iiko", "Syrve")
PROCESSES = (
    "iikoFront.Net.exe",
    "iikoFront.exe",
    "SyrveFront.Net.exe",
    "Front.Net.exe",
    "Resto.Front.Main.exe",
)
"""The till program itself, under the names it had in several versions."""
_ROAMING = ("AppData", "Roaming")
_CASH_SERVER = "CashServer"
_DEEP, _FOLDERS = 4, 400
"""A program is not looked for deeper, or in more folders."""


@dataclass(frozen=True, slots=True)
class Place:
    """One CashServer folder. `account` is the name of the profile's folder."""

    account: str
    brand: str
    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "config.xml"

    @property
    def logs(self) -> Path:
        return self.folder / "Logs"


def places(profiles: Sequence[Path]) -> list[Place]:
    """Of both brands in all accounts; an account that may not be looked into is passed by. Windows does not tell
    upper from lower case in names, and both spellings are in use."""
    found = []
    for profile in profiles:
        roaming = child(profile, *_ROAMING)
        for brand in BRANDS:
            folder = child(roaming, brand, _CASH_SERVER) if roaming else None
            if folder:
                found.append(Place(profile.name, brand, folder))
    return found


def fronts(roots: Sequence[Path]) -> list[Path]:
    """The till programs under folders such as C:\\Program Files."""
    wanted = {name.casefold() for name in PROCESSES}
    found: list[Path] = []
    for root in roots:
        for brand in BRANDS:
            top = child(root, brand)
            for folder in _folders(top) if top else ():
                found += [
                    path for path in _listed(folder) if path.name.casefold() in wanted and path.is_file()
                ]
    return found


def plugins(front: Path) -> list[Path]:
    """The folders of its plug-ins: each has a Manifest.xml (iiko, Front API documentation)."""
    top = child(front.parent, "Plugins")
    return [folder for folder in (_listed(top) if top else ()) if child(folder, "Manifest.xml")]


def child(folder: Path, *names: str) -> Path | None:
    """Down a path whose upper and lower case may differ; None where it ends."""
    for name in names:
        below = next((path for path in _listed(folder) if path.name.casefold() == name.casefold()), None)
        if below is None:
            return None
        folder = below
    return folder


def _folders(top: Path) -> Iterator[Path]:
    """Nearest first."""
    waiting = [(top, 0)]
    for _ in range(_FOLDERS):
        if not waiting:
            return
        folder, depth = waiting.pop(0)
        yield folder
        if depth < _DEEP:
            waiting += [
                (path, depth + 1) for path in _listed(folder) if path.is_dir() and not path.is_symlink()
            ]


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []
