"""Reads the profile files of every family: the shipped ones, and those of a folder from the configuration."""

from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path

from protocols.device.profile import EMPTY, Profiles, parse
from protocols.device.registry import FAMILIES
from protocols.errors import ConfigError


def load(folder: Path | None = None, families: Iterable[str] = FAMILIES) -> Mapping[str, Profiles]:
    """The profiles of each of the families. A file `<family>.toml` of `folder` goes before the shipped one.
    ConfigError names the file and the key, of whatever family."""
    own = _own(folder) if folder else {}
    shipped = {name: _shipped(name) for name in families}
    return {name: found.joined(own[name]) if name in own else found for name, found in shipped.items()}


def _shipped(family: str) -> Profiles:
    file = files("protocols.device") / "profiles" / f"{family}.toml"
    return parse(file.read_text("utf-8"), f"{family}.toml") if file.is_file() else EMPTY


def _own(folder: Path) -> dict[str, Profiles]:
    if not folder.is_dir():
        raise ConfigError(str(folder), "(folder)", "is not a folder", code="config.folder_missing")
    found: dict[str, Profiles] = {}
    for path in sorted(folder.glob("*.toml")):
        if path.stem not in FAMILIES:
            raise ConfigError(str(path), "(name)", "is not named after a family", ", ".join(FAMILIES))
        found[path.stem] = _read(path)
    return found


def _read(path: Path) -> Profiles:
    try:
        return parse(path.read_text("utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigError(str(path), "(file)", str(e)) from e
