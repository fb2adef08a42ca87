"""A QR code in a terminal: two rows of it in each line of text, so that it stays square."""

import sys

QUIET = 2
"""Modules of margin; the standard asks for four, readers are content with two."""
_LIGHT = {(True, True): "\u2588", (True, False): "\u2580", (False, True): "\u2584", (False, False): " "}
_ON, _OFF = "\x1b[97;40m", "\x1b[0m"
"""White on black, whatever colours the terminal has."""


def lines(text: str) -> list[str]:
    """One character for two modules, one above the other; a block is light. Meant for light on dark."""
    import segno  # noqa: PLC0415 - only this command draws

    rows = [
        [not dark for dark in row]
        for row in segno.make(text, error="l", micro=False).matrix_iter(border=QUIET)
    ]
    if len(rows) % 2:
        rows.append([False] * len(rows[0]))
    return [
        "".join(_LIGHT[upper, lower] for upper, lower in zip(above, below, strict=True))
        for above, below in zip(rows[::2], rows[1::2], strict=True)
    ]


def show(text: str) -> None:
    """A terminal that has no such letters gets none of the picture; the address is printed beside it."""
    coloured = sys.stdout.isatty() and sys.platform != "win32"
    drawn = lines(text)
    try:
        "".join(drawn).encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        print("(This terminal cannot show the picture.)")
        return
    for line in drawn:
        print(f"{_ON}{line}{_OFF}" if coloured else line)
