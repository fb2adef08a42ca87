"""Which object store packs may go straight to. Apart from the way there, whose libraries take megabytes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Storage:
    """`url`: the scheme and host of the object store. `ca`: the certificate of its authority, PEM; empty: those that
    this computer trusts."""

    url: str
    ca: str = ""
