"""The regime that holds for this collector: the shipped one, or a file of one's own."""

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from pathlib import Path

from django.conf import settings

from protocols.errors import ConfigError, RepositoryRefused
from protocols.regime.sets import Regime, SetClass, check_place, filled, read


def current() -> Regime:
    """ConfigError names the file and the key that is wrong."""
    law = settings.CONFIG.law
    return _read(law.regime, settings.CONFIG.path(law.file) if law.file else None)


@cache
def _read(name: str, own: Path | None) -> Regime:
    if own is not None:
        try:
            return read(own.read_text(encoding="utf-8"), str(own))
        except (OSError, UnicodeDecodeError) as e:
            raise ConfigError(str(own), "", str(e)) from e
    shipped = files("protocols.regime") / "regimes" / f"{name}.toml"
    if not shipped.is_file():
        raise ConfigError(
            "collector.toml", "law.regime", f"{name!r} is not shipped", "lv, or a file of your own"
        )
    return read(shipped.read_text(encoding="utf-8"), f"{name}.toml")


def classes_of(engine: str, named: Iterable[str] = ()) -> tuple[SetClass, ...]:
    """What a source of that engine fills, where the till names nothing else."""
    return filled(current(), engine, named)


def check_storage(engine: str) -> None:
    """RepositoryRefused `backup.place_not_allowed` where sets of that kind may not lie where this storage does. Where
    nobody has named its country, that is unknown, and told on the board instead."""
    law = settings.CONFIG.law
    if law.storage_country:
        check_place(classes_of(engine), law.storage_country, settings.CONFIG.server.language)


def place_problem(one: SetClass) -> str:
    """ "" where such sets may lie here; what is wrong otherwise."""
    try:
        check_place((one,), settings.CONFIG.law.storage_country, settings.CONFIG.server.language)
    except RepositoryRefused as e:
        return str(e)
    return ""
