"""Brings the database up to date, and tells a person who has to wait for it what is being done."""

import sys
from typing import TextIO

from django.core.management import call_command

from collector.core import clock

PATIENCE_S = 2.0
"""Shorter than this, nobody asks what goes on."""
_STEP = "  Applying "
"""So Django begins its line about each."""


def migrate() -> None:
    call_command("migrate", interactive=False, verbosity=1, stdout=Progress(sys.stderr))


class Progress:
    """Takes Django's words and passes on the names of the steps, from the moment when patience is at its end."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._until_s = clock.monotonic() + PATIENCE_S
        self._told = False

    def write(self, text: str) -> int:
        if text.startswith(_STEP) and clock.monotonic() >= self._until_s:
            if not self._told:
                self._out.write("the tables of the database are being made; some seconds more\n")
            self._told = True
            self._out.write(f"  {text.removeprefix(_STEP).strip().rstrip('.')}\n")
            self._out.flush()
        return len(text)
