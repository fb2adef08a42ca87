"""What the maintenance counters of ESC/POS printers count (GS g 2). Units and numbers differ from model to model, so
only models are known here whose manual says both."""

from collections.abc import Mapping

GS_G = 0x1D67
NUMBERS: Mapping[int, str] = {148: "line_feeds", 149: "head_pulses", 178: "cuts", 198: "running_h"}
"""Those that nobody can set back: line feeds, times that the head was energised, autocutter operations, hours of
operation (Epson TM-T90 p. 171, TM-L90 p. 195 and TM-T81 p. 106 specifications, GS g 2)."""
ARGUMENTS = b"".join(b"2\0" + number.to_bytes(2, "little") for number in NUMBERS)
ARGUMENT_BYTES = 4
_MODELS = frozenset({"TM-T90", "TM-L90", "TM-T81"})
"""TM-T88III, TM-L60II, TM-U210, TM-U220 and TM-U230 do not have the command (Epson ESC/POS guide 10.01, p. 475). Newer
models have it, with units that no manual at hand tells; Seiko counts hours in minutes and lines in hundreds."""


def counts(model: bytes) -> bool:
    """Whether the model that GS I 67 names has these counters."""
    return model.decode("ascii", errors="replace").strip().upper() in _MODELS


def read(data: bytes) -> dict[str, int]:
    """The model and its counters, each ended by 00h, as the exchange has joined them."""
    _, *values = data.split(b"\0")[:-1] or [b""]
    return {name: int(value) for name, value in zip(NUMBERS.values(), values, strict=False)}
