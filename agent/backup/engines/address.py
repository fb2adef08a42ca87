"""Where a database server is and by which means its client signs in: the `source` of a backup, as an address.
Opens nothing."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from protocols.errors import ConfigError

_WHERE, _KEY = "[[backup]]", "source"


@dataclass(frozen=True, slots=True)
class Address:
    """`database` is a name, or a path where the maker's databases are files. `options` are those that the engine
    allowed, and no others."""

    scheme: str
    user: str
    host: str
    port: int | None
    database: str
    options: Mapping[str, str]

    @property
    def programs(self) -> Path | None:
        """The folder of the maker's programs, where somebody named it."""
        named = self.options.get("programs")
        return Path(named) if named else None

    def file(self, option: str) -> Path | None:
        """A file that an option names. ConfigError where it is not there: a password that is silently missing would
        be told as a wrong one."""
        named = self.options.get(option)
        if not named:
            return None
        path = Path(named)
        if not path.is_file():
            raise ConfigError(_WHERE, _KEY, f"{option}={named} is not there or not readable")
        return path


def parse(source: str, schemes: Collection[str], example: str, options: Collection[str]) -> Address:
    """ConfigError that shows `example`; also for a password in the address, which anybody who may list processes or
    read the configuration would see."""
    try:
        parts = urlsplit(source)
        port, password = parts.port, parts.password
    except ValueError as e:
        raise ConfigError(_WHERE, _KEY, f"{source!r} is no address: {e}", example) from e
    if parts.scheme not in schemes:
        raise ConfigError(
            _WHERE, _KEY, f"{_shown(source)!r} does not begin with {schemes_of(schemes)}", example
        )
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    if password is not None or "password" in given:
        raise ConfigError(
            _WHERE,
            _KEY,
            "a password does not belong into an address: put it into a file of its own",
            example,
        )
    unknown = sorted(given.keys() - {*options, "programs"})
    if unknown:
        allowed = ", ".join(sorted({*options, "programs"}))
        raise ConfigError(_WHERE, _KEY, f"the option {unknown[0]!r} is not known", allowed)
    return Address(
        scheme=parts.scheme,
        user=unquote(parts.username or ""),
        host=unquote(parts.hostname or ""),
        port=port,
        database=_database(unquote(parts.path)),
        options=given,
    )


def schemes_of(schemes: Collection[str]) -> str:
    return " or ".join(f"{scheme}://" for scheme in schemes)


def _database(path: str) -> str:
    """After the host's slash: `name`, `/var/lib/pos.fdb` (of two slashes) or `C:\\Data\\pos.fdb`."""
    return path.removeprefix("/")


def _shown(source: str) -> str:
    """Without what might be a password."""
    return re.sub(r"//[^@/]*@", "//...@", source)
