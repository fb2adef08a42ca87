"""Reads the configuration file and turns everything wrong with it into one line for a person."""

import os
import sys
import tomllib
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from agent.config.model import TABLES, Config, Table
from agent.config.nearest import nearest
from protocols.errors import ConfigError

ENVIRONMENT = "PLOMBA_AGENT_CONFIG"


def default_path() -> Path:
    """The file named by PLOMBA_AGENT_CONFIG, or the place that the platform means for it."""
    named = os.environ.get(ENVIRONMENT)
    if named:
        return Path(named)
    if sys.platform == "win32":
        return Path(os.environ.get("ProgramData", r"C:\ProgramData")) / "Plomba" / "agent.toml"  # noqa: SIM112
    return Path("/etc/plomba/agent.toml")


def load(path: Path) -> Config:
    """The checked configuration. ConfigError names the file, the first wrong key, and what it may be."""
    return checked(str(path), tables_in(path))


def checked(source: str, tables: dict[str, object]) -> Config:
    """ConfigError as `load`; `source` is what it names instead of the file."""
    try:
        return Config.model_validate(tables)
    except ValidationError as e:
        raise _explain(source, tables, e.errors(include_url=False)[0]) from e


def tables_in(path: Path) -> dict[str, object]:
    """What stands in the file, of which nothing is checked. ConfigError where it is no TOML."""
    try:
        return tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as e:
        problem = f"cannot be read ({e.strerror})"
        raise ConfigError(str(path), "(file)", problem, code="config.unreadable") from e
    except UnicodeDecodeError as e:
        raise ConfigError(str(path), "(file)", f"is not UTF-8 (byte {e.start})", code="config.syntax") from e
    except tomllib.TOMLDecodeError as e:
        problem = f"is no valid TOML: {e}{_escaped(str(e))}"
        raise ConfigError(str(path), "(file)", problem, code="config.syntax") from e


def _escaped(error: str) -> str:
    """What most people mean who get this on Windows."""
    hint = "; a path of Windows stands in 'single quotes', for in double ones a backslash begins an escape"
    return hint if "hex value" in error or "Unescaped" in error else ""


def _explain(source: str, tables: dict[str, object], error: ErrorDetails) -> ConfigError:
    place = tuple(part for part in error["loc"] if not str(part).endswith("]"))
    problem, allowed = _problem(error, place)
    return ConfigError(source, _key(tables, place) or "(file)", problem, allowed)


def _problem(error: ErrorDetails, place: tuple[int | str, ...]) -> tuple[str, str]:
    context = error.get("ctx", {})
    kind = error["type"]
    if kind == "extra_forbidden":
        known = _known(place)
        return f"unknown key{nearest(str(place[-1]), known)}", ", ".join(known)
    if kind == "missing":
        return "is missing", ""
    if kind == "plomba":
        return error["msg"], str(context.get("allowed", ""))
    given = error["input"]
    shown = f" (it is {given!r})" if isinstance(given, str | int | float | bool) else ""
    allowed = {"literal_error": str(context.get("expected", "")), "string_pattern_mismatch": _NAME}.get(
        kind, ""
    )
    return f"{error['msg'].lower()}{shown}", allowed


_NAME = "letters, digits, dot, dash and underscore, up to 64"


def _known(place: tuple[int | str, ...]) -> list[str]:
    """The keys that the table of this place may hold."""
    model: type[Table] = TABLES.get(str(place[0]), Config) if len(place) > 1 else Config
    return [field.alias or name for name, field in model.model_fields.items()]


def _key(tables: dict[str, object], place: tuple[int | str, ...]) -> str:
    """`device[kitchen].baud`: a table of a list goes by its id or name, else by its number from 1."""
    text = ""
    for depth, part in enumerate(place):
        if isinstance(part, int):
            text += f"[{_called(tables, str(place[depth - 1]), part)}]"
        else:
            text += f".{part}" if text else part
    return text


def _called(tables: dict[str, object], table: str, index: int) -> str:
    rows = tables.get(table)
    row = rows[index] if isinstance(rows, list) else None
    name = (row.get("id") or row.get("name")) if isinstance(row, dict) else None
    return str(name or index + 1)
