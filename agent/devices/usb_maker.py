"""USB numbers that say nothing about a device, and those of cash drawers. Data; the numbers of printers are with
their families."""

_ADAPTERS = {
    0x0403: "FTDI",
    0x04D8: "Microchip",
    0x04E2: "MaxLinear (Exar)",
    0x0557: "ATEN",
    0x067B: "Prolific",
    0x0483: "STMicroelectronics",
    0x10C4: "Silicon Labs",
    0x110A: "Moxa",
    0x1A86: "WCH (CH340)",
    0x2341: "Arduino",
    0x9710: "MosChip",
}
"""Makers of chips and adapters that are built into anything with a serial line."""

_DRAWERS = {
    0x0D3A: "Posiflex",
    0x07C5: "APG",
}
"""Makers whose USB devices are drawers (usb.ids 07c5; for 0d3a, which also makes other things, see below)."""
_ONLY = {0x0D3A: range(0x0200, 0x0210)}
"""Posiflex CR-4xxx: 020x, x the number of the drawer."""

DRAWER_WORDS = ("cash drawer", "cashdrawer", "drawer", "cash box", "cashbox")
"""Lower case; in what a device says of itself."""


def adapter(vid: int) -> str | None:
    return _ADAPTERS.get(vid)


def drawer(vid: int, pid: int | None) -> str | None:
    only = _ONLY.get(vid)
    return None if only and pid not in only else _DRAWERS.get(vid)
