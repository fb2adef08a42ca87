"""Who waits for the database is told what is being done, and nobody else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.collector.served import ROOT

MIGRATE = """
import sys, django
django.setup()
from django.core.management import call_command
from collector.core import clock
from collector.core.migrating import Progress

class Hurrying(clock.SystemClock):
    at = 0.0
    def monotonic(self):
        self.at += float(sys.argv[1])
        return self.at

with clock.use(Hurrying()):
    call_command("migrate", "contenttypes", verbosity=1, stdout=Progress(sys.stderr))
"""


@pytest.mark.parametrize(
    ("seconds_a_look", "told"),
    [
        ("0", []),
        (
            "2",
            [
                "the tables of the database are being made; some seconds more",
                "  contenttypes.0001_initial",
                "  contenttypes.0002_remove_content_type_name",
            ],
        ),
    ],
)
def test_the_steps_are_told_from_when_they_take_long(
    tmp_path: Path, seconds_a_look: str, told: list[str]
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MIGRATE, seconds_a_look],
        cwd=ROOT,
        env={
            **os.environ,
            "PLOMBA_COLLECTOR_HOME": str(tmp_path),
            "DJANGO_SETTINGS_MODULE": "collector.settings",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.splitlines() == told
    assert done.stdout == ""
