"""The picture in a terminal is read by a program that knows nothing of how it was drawn."""

import subprocess
from pathlib import Path
from shutil import which

import pytest

from agent.cli import picture
from tests.conftest import missing

ADDRESS = "https://collector.example:8443/claim/" + "aB3_-" * 8 + "xyz?h=KASE-1%20%C4%81"
_MODULES = {"\u2588": (True, True), "\u2580": (True, False), "\u2584": (False, True), " ": (False, False)}


def image(lines: list[str], scale: int = 4) -> bytes:
    """A PGM of what a terminal would show: light blocks on black."""
    rows: list[list[bool]] = []
    for line in lines:
        rows += [[_MODULES[letter][half] for letter in line] for half in (0, 1)]
    pixels = bytearray()
    for row in rows:
        pixels += b"".join((b"\xff" if light else b"\0") * scale for light in row) * scale
    return b"P5\n%d %d\n255\n" % (len(rows[0]) * scale, len(rows) * scale) + bytes(pixels)


def read(lines: list[str], folder: Path) -> str:
    if which("zbarimg") is None:
        missing("zbarimg")
    file = folder / "picture.pgm"
    file.write_bytes(image(lines))
    command = ["zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60).stdout.strip()


def test_a_reader_reads_the_address(tmp_path: Path) -> None:
    assert read(picture.lines(ADDRESS), tmp_path) == ADDRESS


def test_a_picture_with_a_torn_corner_is_not_read(tmp_path: Path) -> None:
    """The control: the reader does not guess."""
    lines = picture.lines(ADDRESS)
    assert read([" " * len(lines[0])] * 9 + lines[9:], tmp_path) == ""


def test_it_fits_a_terminal_of_eighty_columns() -> None:
    drawn = picture.lines(ADDRESS)
    assert max(map(len, drawn)) <= 60
    assert len(drawn) <= 30


def test_a_terminal_without_such_letters_is_told(
    capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ascii:
        encoding = "ascii"

        def __init__(self) -> None:
            self.said: list[str] = []

        def isatty(self) -> bool:
            return False

        def write(self, text: str) -> int:
            text.encode("ascii")
            self.said.append(text)
            return len(text)

        def flush(self) -> None:
            pass

    out = Ascii()
    monkeypatch.setattr("sys.stdout", out)
    picture.show(ADDRESS)
    assert "cannot show" in "".join(out.said)
