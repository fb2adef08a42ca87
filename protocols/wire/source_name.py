"""How a source of backups is called on the wire. A file of its own, so that the resident agent need not load what reads
signatures."""

from typing import Annotated

from pydantic import Field

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$")]
IN_PLACE = ("sqlite", "files")
"""Engines whose live source is a file, so that a restored one can take its place."""
