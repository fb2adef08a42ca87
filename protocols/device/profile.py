"""Many models on one frame: which model has which status bits and sensors, as data. Parsed here, read by the shell."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from protocols.errors import ConfigError
from protocols.status.model import FLAGS


@dataclass(frozen=True, slots=True)
class Bit:
    """Bit `bit` of status byte `byte` (or of reply `byte`, where the family says so) shows `flag`; `inverted`: a
    cleared bit means true. `note` says for people what the maker calls it; a bit with no flag is explained only."""

    byte: int
    bit: int
    flag: str | None
    inverted: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """`known` is False for the common part that holds for every model of the family. `options` are settings of the
    family's own, such as a code page."""

    name: str
    maker: str = ""
    models: tuple[str, ...] = ()
    bits: tuple[Bit, ...] = ()
    sensors: int | None = None
    options: Mapping[str, str | int | bool] = field(default_factory=dict)
    known: bool = True

    def with_sensors(self, mask: int | None) -> "Profile":
        return self if mask is None else replace(self, sensors=mask)


@dataclass(frozen=True, slots=True)
class Profiles:
    """The profiles of one family."""

    common: Profile
    known: tuple[Profile, ...] = ()

    def choose(self, model: str | None) -> Profile:
        """The profile of a model or of that profile name; the common one where the model is not listed. Never a
        guess: the whole name must be listed, but for case, spaces and dashes."""
        wanted = _plain(model or "")
        for profile in self.known:
            if wanted in (_plain(profile.name), *map(_plain, profile.models)):
                return profile
        return self.common

    def joined(self, other: "Profiles") -> "Profiles":
        """These, with the profiles of a folder from the configuration going first."""
        return Profiles(self.common, other.known + self.known)


EMPTY = Profiles(Profile("common", known=False))


def _plain(model: str) -> str:
    return "".join(c for c in model.upper() if c not in " -_")


def parse(text: str, file: str) -> Profiles:
    """Read one profile file: a table `[common]` and tables `[[profile]]`, each with `bits = {"0.6" = "cover_open"}`;
    `!` before a flag inverts it, a list gives [flag, note]. ConfigError names the file and the key."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as e:
        raise ConfigError(file, "(file)", str(e)) from e
    common = _profile(tables.get("common", {"name": "common"}), file, known=False)
    known = tuple(_profile(table, file, known=True) for table in tables.get("profile", []))
    return Profiles(common, known)


def _profile(table: Mapping[str, object], file: str, *, known: bool) -> Profile:
    name = str(table.get("name", "common"))
    bits = table.get("bits", {})
    models = table.get("models", [])
    options = table.get("options", {})
    sensors = table.get("sensors")
    if not isinstance(bits, dict) or not isinstance(models, list) or not isinstance(options, dict):
        raise ConfigError(file, name, "bits and options are tables, models is a list")
    if sensors is not None and not isinstance(sensors, int):
        raise ConfigError(file, f"{name}.sensors", "is a number")
    return Profile(
        name=name,
        maker=str(table.get("maker", "")),
        models=tuple(str(model) for model in models),
        bits=tuple(_bit(key, value, file, name) for key, value in bits.items()),
        sensors=sensors,
        options=options,
        known=known,
    )


def _bit(key: str, value: object, file: str, profile: str) -> Bit:
    flag, note = value if isinstance(value, list) and len(value) == 2 else (value, "")
    where = f"{profile}.bits.{key}"
    byte, _, bit = key.partition(".")
    if not (byte.isdigit() and bit.isdigit() and int(bit) < 8):
        raise ConfigError(file, where, "is not BYTE.BIT", "such as 0.6")
    if not isinstance(flag, str) or not isinstance(note, str):
        raise ConfigError(file, where, "is a flag, or a list [flag, note]")
    name = flag.removeprefix("!")
    if name and name not in FLAGS:
        raise ConfigError(file, where, f"{name!r} is no state flag", ", ".join(FLAGS))
    return Bit(int(byte), int(bit), name or None, flag.startswith("!"), note)
