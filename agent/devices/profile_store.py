"""Reads the profile files of every family: the shipped ones, and those of a folder from the configuration."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from protocols.device.profile import EMPTY, Profiles, parse
from protocols.device.registry import FAMILIES
from protocols.errors import ConfigError


def load(folder: Path | None = None) -> Mapping[str, Profiles]:
    """The profiles of each family. A file `<family>.toml` of `folder` goes before the shipped one.
    ConfigError names the file and the key."""
    shipped = {name: _shipped(name) for name in FAMILIES}
    if folder is None:
        return shipped
    return {**shipped, **{name: shipped[name].joined(own) for name, own in _own(folder).items()}}


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
