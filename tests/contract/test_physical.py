"""What an operator's job may move: each listed test is one that the manual calls physical and not fiscal, no codec
makes it, and nothing that polls, probes or discovers can come by it."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

import agent
import protocols
from protocols.device.physical import PHYSICAL_TESTS, PhysicalTest
from protocols.device.registry import FAMILIES
from protocols.errors import PlombaError
from protocols.wire.job import DrawerTest
from tests.contract.dissect import WIRES
from tests.contract.never import ALLOWED, NEVER, PHYSICAL

LISTED = [(family, test) for family, tests in PHYSICAL_TESTS.items() for test in tests.values()]
EACH = pytest.mark.parametrize(("family", "test"), LISTED, ids=[f"{f}-{t.name}" for f, t in LISTED])
MODULE, NAMES = "protocols.device.physical", {"PHYSICAL_TESTS", "PhysicalTest"}
PERMITTED = {"agent/runtime/drawer_pulse.py"}


@EACH
def test_it_is_physical_by_the_manual_and_nothing_else(family: str, test: PhysicalTest) -> None:
    said = WIRES[family].read(test.data)
    assert len(said) == 1, "one act and no more"
    assert any(rule.holds(said[0]) for rule in PHYSICAL[family])
    assert not any(rule.holds(said[0]) for rule in (*NEVER[family], *ALLOWED[family]))


@EACH
def test_no_codec_makes_it(family: str, test: PhysicalTest) -> None:
    codec = FAMILIES[family].codec
    with pytest.raises((PlombaError, AttributeError)):
        codec.encode(test, codec.first_sequence())  # type: ignore[arg-type]
    assert not any(codec.encode(c, 0) == test.data for c in FAMILIES[family].read_only_commands)


@EACH
def test_the_coil_rests_four_times_as_long_as_it_is_driven(family: str, test: PhysicalTest) -> None:
    on, off = test.data[-2], test.data[-1]
    assert on / (on + off) <= 0.2
    assert on * 2 <= 510


def test_the_job_names_what_is_listed() -> None:
    named = set(get_args(DrawerTest.model_fields["what"].annotation))
    assert all(set(tests) == named for tests in PHYSICAL_TESTS.values())


def sources() -> Iterator[tuple[str, str]]:
    for package in (agent, protocols):
        root = Path(package.__path__[0])
        for path in sorted(root.rglob("*.py")):
            yield str(path.relative_to(root.parent)), path.read_text("utf-8")


def reaches(source: str) -> bool:
    """Imports the module, or says one of its names."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module in (MODULE, "protocols.device"):
            if node.module == MODULE or any(name.name == "physical" for name in node.names):
                return True
        elif (isinstance(node, ast.Import) and any(name.name == MODULE for name in node.names)) or (
            isinstance(node, ast.Name | ast.Attribute)
            and getattr(node, "id", getattr(node, "attr", "")) in NAMES
        ):
            return True
    return False


def test_only_the_pulse_of_a_job_can_come_by_it() -> None:
    found = {name for name, source in sources() if name != "protocols/device/physical.py" and reaches(source)}
    assert found == PERMITTED


@pytest.mark.parametrize(
    "source",
    [
        "from protocols.device.physical import PHYSICAL_TESTS",
        "from protocols.device import physical",
        "import protocols.device.physical as moves",
        "def f(x):\n    return x.PHYSICAL_TESTS",
    ],
)
def test_a_way_to_it_would_be_seen(source: str) -> None:
    assert reaches(source)
