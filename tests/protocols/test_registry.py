"""The list of families, whose modules are imported when they are asked for."""

import subprocess
import sys

import pytest

from protocols.device.registry import FAMILIES

LOADED = """
import sys
from protocols.device.registry import FAMILIES
assert len(FAMILIES) == len(list(FAMILIES)) and "escpos" in FAMILIES
before = {name for name in FAMILIES if f"protocols.device.{name}" in sys.modules}
FAMILIES["escpos"]
print(sorted(before), sorted(name for name in FAMILIES if f"protocols.device.{name}" in sys.modules))
"""


def test_each_family_has_the_name_that_it_is_listed_under() -> None:
    assert [family.name for family in FAMILIES.values()] == list(FAMILIES)


def test_an_unknown_family() -> None:
    assert "registry" not in FAMILIES
    with pytest.raises(KeyError):
        FAMILIES["registry"]


def test_only_what_is_asked_for_is_imported() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split("] ") == ["[", "['escpos']\n"]
