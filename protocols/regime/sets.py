"""The classes of backup sets that a law knows, read from a TOML text such as config/regimes/lv.toml. Opens no file."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from protocols.errors import ConfigError, RepositoryRefused
from protocols.regime import period
from protocols.regime.period import Period

LANGUAGES = ("lv", "en", "ru")
NOT_ALLOWED = "backup.place_not_allowed"


class Trigger(StrEnum):
    """What begins the time within which a set has to be made."""

    Z_REPORT = "z_report"
    INSTALLATION = "installation"
    """A version of a program was installed."""
    INTERVAL = "interval"
    """The last set of the class."""
    NONE = "none"


def _period(value: object) -> Period:
    return period.parse(str(value))


def _texts(value: dict[str, str]) -> dict[str, str]:
    missing = [language for language in LANGUAGES if not value.get(language)]
    if missing:
        raise ValueError(f"is not there in {', '.join(missing)}")
    return value


APeriod = Annotated[Period, BeforeValidator(_period)]
Texts = Annotated[dict[str, str], AfterValidator(_texts)]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]


class Fills(StrEnum):
    """What kind of source fills a class."""

    DATABASE = "database"
    FILES = "files"


def kind_of(engine: str) -> Fills:
    """What a source of that engine is."""
    return Fills.FILES if engine == "files" else Fills.DATABASE


class SetClass(BaseModel):
    """`within` of its trigger a set must be stored; each is kept for `keep`, better for `keep_better`, in one of
    `countries` (none: anywhere). Sources of the kinds `filled_by` fill it. `rule` is the sentence for a person who has
    to do something; `legal_basis` is where it stands, `source` who said so to us, and `verified_on` when that was read
    last. `personal`: such sets hold data of people beyond what the law asks to be kept."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    id: Annotated[str, Field(pattern=r"^[a-z][a-z_]{1,40}$")]
    title: Texts
    rule: Texts
    trigger: Trigger
    filled_by: Annotated[tuple[Fills, ...], Field(min_length=1)]
    within: APeriod | None = None
    keep: APeriod
    keep_better: APeriod | None = None
    countries: tuple[Country, ...] = ()
    personal: bool = False
    legal_basis: str = ""
    source: str = ""
    verified_on: date | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.trigger is Trigger.NONE) != (self.within is None):
            raise ValueError("within goes with a trigger, and a trigger with within")
        if self.countries and not self.legal_basis:
            raise ValueError("what forbids a place has a legal_basis")
        return self

    def may_lie_in(self, country: str) -> bool:
        return not self.countries or country in self.countries


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")

    regime: Annotated[str, Field(pattern=r"^[a-z]{2}$")]
    classes: Annotated[tuple[SetClass, ...], Field(alias="class", min_length=1)]


@dataclass(frozen=True, slots=True)
class Regime:
    id: str
    classes: Mapping[str, SetClass]

    def named(self, ids: Iterable[str]) -> tuple[SetClass, ...]:
        """ConfigError with the known ones."""
        for each in ids:
            if each not in self.classes:
                known = ", ".join(self.classes)
                raise ConfigError(
                    "[[backup]]", "classes", f"{each!r} is no class of the regime {self.id}", known
                )
        return tuple(self.classes[each] for each in ids)


def filled(regime: Regime, engine: str, named: Iterable[str] = ()) -> tuple[SetClass, ...]:
    """The classes that a source fills: those that are named for it, as far as the regime knows them, else those of its
    engine's kind."""
    wanted = tuple(regime.classes[each] for each in named if each in regime.classes)
    return wanted or tuple(one for one in regime.classes.values() if kind_of(engine) in one.filled_by)


def read(text: str, file: str) -> Regime:
    """ConfigError names the first key that is wrong in `file`."""
    try:
        document = _Document.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as e:
        raise ConfigError(file, "", f"is no TOML: {e}") from e
    except ValidationError as e:
        first = e.errors()[0]
        key = ".".join(str(step) for step in first["loc"])
        raise ConfigError(file, key, str(first["msg"]).removeprefix("Value error, ")) from e
    classes = {each.id: each for each in document.classes}
    if len(classes) != len(document.classes):
        raise ConfigError(file, "class.id", "two classes have the same id")
    return Regime(document.regime, classes)


def check_place(classes: Iterable[SetClass], country: str, language: str = "en") -> None:
    """RepositoryRefused `backup.place_not_allowed` with the rule's text where a class does not allow sets to lie in
    `country`, "" being one that nobody named."""
    for each in classes:
        if not each.may_lie_in(country):
            where = f"lies in {country}" if country else "lies in a country that nobody named"
            raise RepositoryRefused(
                f"this storage {where}; sets of the class {each.id} may lie in {', '.join(each.countries)} only."
                f" {each.rule[language]} ({each.legal_basis})",
                code=NOT_ALLOWED,
            )
