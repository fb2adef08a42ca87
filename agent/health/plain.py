"""What may be stored and read again as JSON."""

from collections.abc import Mapping, Sequence

Plain = bool | int | float | str | None | Sequence["Plain"] | Mapping[str, "Plain"]
