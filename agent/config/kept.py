"""What the collector wished, as it is kept in the state folder: the last good version, one on trial, and the one that
was refused. It is written whole or not at all, and is on the disk before anything is done by it."""

import os
import sys
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from protocols.wire import v1

FILE = "desired.json"
STARTS = 2
"""So many starts that do not last are given to a version on trial."""


class Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Trial(Part):
    """`starts` counts those that have neither lasted nor ended cleanly."""

    wished: v1.Desired
    starts: Annotated[int, Field(ge=0)] = 0


class Refused(Part):
    """`for_good`: it did not start, so that a change of the till's own file does not call it back."""

    wished: v1.Desired
    code: str
    key: str
    error: str
    for_good: bool = False


class Kept(Part):
    good: v1.Desired | None = None
    trial: Trial | None = None
    refused: Refused | None = None

    def known(self) -> v1.Desired | None:
        """The version that was judged last, or is being tried."""
        if self.trial:
            return self.trial.wished
        return self.refused.wished if self.refused else self.good


def read(state_dir: Path) -> Kept:
    """Nothing kept where there is no file, or a damaged one: then the till's own file holds alone, and the collector
    is asked again."""
    try:
        return Kept.model_validate_json((state_dir / FILE).read_bytes())
    except (OSError, ValidationError):
        return Kept()


def is_hidden(state_dir: Path) -> bool:
    """May this account not look, so that what is kept is unknown?"""
    try:
        (state_dir / FILE).open("rb").close()
    except PermissionError:
        return True
    except OSError:
        return False
    return False


def write(state_dir: Path, kept: Kept) -> None:
    """For the resident agent only. OSError; then what was kept before still is."""
    file = state_dir / FILE
    part = file.with_name(f"{FILE}.part")
    content = kept.model_dump_json(exclude_none=True).encode()
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o600)
    try:
        with os.fdopen(handle, "wb") as f:
            f.write(content)
            f.flush()
            os.fsync(f.fileno())
        part.replace(file)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    if sys.platform != "win32":
        _sync_folder(state_dir)


if sys.platform != "win32":

    def _sync_folder(folder: Path) -> None:
        """A new name is on the disk with its folder only."""
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
