"""Many models on one frame: which model has which status bits and sensors, as data. Parsed here, read by the
shell."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from protocols.errors import ConfigError
from protocols.status.model import FLAGS, INNER, DeviceState

_WELL = frozenset({"online", "clock_set", "fiscalised", "tax_number_set", "numbers_set"})
"""Flags that are well when true. Where several bits show one flag, the worse value holds."""


def _plain(model: str) -> str:
    return "".join(c for c in model.upper() if c not in " -_")


@dataclass(frozen=True, slots=True)
class Bit:
    """Bit `bit` of status byte `byte` (or of reply `byte`, where the family says so) shows `flag`;
    `inverted`: a cleared bit means true; `set_only`: a cleared bit means nothing, because the model may lack
    the sensor or another bit decides. `note` says for people what a set bit means; a bit with no flag is
    explained only."""

    byte: int
    bit: int
    flag: str | None
    inverted: bool = False
    set_only: bool = False
    note: str = ""

    def value(self, byte: int) -> bool | None:
        """What this status byte says of the flag."""
        is_set = bool(byte >> self.bit & 1)
        return None if self.set_only and not is_set else is_set != self.inverted


@dataclass(frozen=True, slots=True)
class Profile:
    """`known` is False for the common part that holds for every model of the family. `options` are settings
    of the family's own, such as a code page."""

    name: str
    maker: str = ""
    models: tuple[str, ...] = ()
    bits: tuple[Bit, ...] = ()
    sensors: int | None = None
    options: Mapping[str, str | int | bool] = field(default_factory=dict)
    known: bool = True
    names: frozenset[str] = field(init=False, repr=False)
    """What the profile may be chosen by: its name, its models, its models with the maker before them."""

    def __post_init__(self) -> None:
        models = (*self.models, *(self.maker + model for model in self.models))
        object.__setattr__(self, "names", frozenset(map(_plain, (self.name, *models))))

    def read(self, status: Mapping[int, int], mask: Mapping[int, int] | None = None) -> DeviceState:
        """The flags that status bytes (number -> byte) show. `mask` (number -> byte) has a 1 for each bit
        that was really in the reply; without it all were."""
        found: dict[str, bool] = {}
        for bit in self._present(status, mask or {}):
            value = bit.value(status[bit.byte])
            if bit.flag and value is not None:
                worse = value if bit.flag not in _WELL else not value
                found[bit.flag] = value if worse else found.get(bit.flag, value)
        return DeviceState().with_flags(found)

    def notes(self, status: Mapping[int, int], mask: Mapping[int, int] | None = None) -> list[str]:
        """What the bits that are set mean, in words."""
        bits = self._present(status, mask or {})
        return [bit.note for bit in bits if bit.note and status[bit.byte] >> bit.bit & 1]

    def _present(self, status: Mapping[int, int], mask: Mapping[int, int]) -> list[Bit]:
        return [b for b in self.bits if b.byte in status and mask.get(b.byte, 0xFF) >> b.bit & 1]

    def with_sensors(self, mask: int | None) -> "Profile":
        return self if mask is None else replace(self, sensors=mask)


@dataclass(frozen=True, slots=True)
class Profiles:
    """The profiles of one family."""

    common: Profile
    known: tuple[Profile, ...] = ()

    def choose(self, model: str | None, maker: str | None = None) -> Profile:
        """The profile of a model or of that profile name, else the one that holds for `every_model` of the
        maker, else the common one. A name may start with the maker. Never a guess: the whole name must be
        listed, but for case, spaces and dashes."""
        wanted = _plain(model or "")
        maker = maker or (model or " ").strip().partition(" ")[0]
        for profile in self.known:
            if wanted and wanted in profile.names:
                return profile
        for profile in self.known:
            if (
                maker
                and profile.options.get("every_model") is True
                and profile.maker.upper() == maker.upper()
            ):
                return profile
        return self.common

    def joined(self, other: "Profiles") -> "Profiles":
        """These, with the profiles of a folder from the configuration going first."""
        return Profiles(self.common, other.known + self.known)


EMPTY = Profiles(Profile("common", known=False))


def parse(text: str, file: str) -> Profiles:
    """Read one profile file: a table `[common]` and tables `[[profile]]`, each with `bits = {"0.6" =
    "cover_open"}`; `!` before a flag inverts it, `+` makes it count only when set, a list gives [flag, note].
    ConfigError names the file and the key."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as e:
        raise ConfigError(file, "(file)", str(e)) from e
    first, others = tables.get("common", {}), tables.get("profile", [])
    if not isinstance(first, dict) or not isinstance(others, list):
        raise ConfigError(file, "(file)", "holds one table [common] and tables [[profile]]")
    common = _profile(first, file, Profile("common", known=False))
    inherited = Profile("", bits=common.bits, options=common.options)
    return Profiles(common, tuple(_known(table, file, inherited) for table in others))


def _known(table: object, file: str, inherited: Profile) -> Profile:
    """`inherits = true`: the bits of the common part hold too, but for those that are listed again."""
    if not isinstance(table, dict):
        raise ConfigError(file, "profile", "is a table")
    profile = _profile(table, file, inherited)
    if table.get("inherits") is not True:
        return profile
    own = {(bit.byte, bit.bit) for bit in profile.bits}
    kept = tuple(bit for bit in inherited.bits if (bit.byte, bit.bit) not in own)
    return replace(profile, bits=kept + profile.bits)


def _profile(table: Mapping[str, object], file: str, start: Profile) -> Profile:
    name = str(table.get("name", start.name))
    if not name:
        raise ConfigError(file, "profile.name", "is missing")
    bits = table.get("bits", {})
    models = table.get("models", [])
    options = table.get("options", {})
    sensors = table.get("sensors")
    if not isinstance(bits, dict) or not isinstance(models, list) or not isinstance(options, dict):
        raise ConfigError(file, name, "bits and options are tables, models is a list")
    if sensors is not None and type(sensors) is not int:
        raise ConfigError(file, f"{name}.sensors", "is a number")
    return Profile(
        name=name,
        maker=str(table.get("maker", "")),
        models=tuple(str(model) for model in models),
        bits=tuple(_bit(key, value, file, name) for key, value in bits.items()),
        sensors=sensors,
        options=options,
        known=start.known or table.get("known") is True,
    )


def _bit(key: str, value: object, file: str, profile: str) -> Bit:
    flag, note = value if isinstance(value, list) and len(value) == 2 else (value, "")
    where = f"{profile}.bits.{key}"
    byte, _, bit = key.partition(".")
    if not (byte.isdigit() and bit.isdigit() and int(bit) < 8):
        raise ConfigError(file, where, "is not BYTE.BIT", "such as 0.6")
    if not isinstance(flag, str) or not isinstance(note, str):
        raise ConfigError(file, where, "is a flag, or a list [flag, note]")
    name = flag.lstrip("!+")
    if name and name not in (*FLAGS, *INNER):
        raise ConfigError(file, where, f"{name!r} is no state flag", ", ".join((*FLAGS, *INNER)))
    marks = flag.removesuffix(name)
    return Bit(int(byte), int(bit), name or None, "!" in marks, "+" in marks, note)
