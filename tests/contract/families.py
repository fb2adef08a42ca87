"""What the family suite finds by name for each family of the registry: its emulator, its vectors, its
profiles."""

import importlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.devices import profile_store
from protocols.device.family import Family
from protocols.device.profile import Profiles
from protocols.device.registry import FAMILIES
from tests.emulators.machine import Machine

VECTORS = Path(__file__).parents[1] / "vectors" / "device"
PROFILES = profile_store.load()


@dataclass(frozen=True)
class Case:
    family: Family
    emulator: type[Machine]
    forbidden_examples: dict[str, bytes]
    profiles: Profiles

    @property
    def vectors(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads((VECTORS / f"{self.family.name}.json").read_text("utf-8"))
        return found


def _case(family: Family) -> Case:
    module = importlib.import_module(f"tests.emulators.{family.name}")
    machines = [
        kind
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Machine) and vars(kind).get("family") == family.name
    ]
    return Case(family, machines[0], module.FORBIDDEN_EXAMPLES, PROFILES[family.name])


CASES = {name: _case(family) for name, family in FAMILIES.items()}
