"""The hottest sensor of the computer. Many tills have none, and Windows shows none to programs: then nothing
is known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psutil

from agent.system.probe import Condition, Measured

CODE = "host.too_hot"
COOLER_C = 5.0
_POSSIBLE_C = (-20.0, 130.0)
"""A sensor that says anything else is not connected."""


def judge(sensors: Mapping[str, Sequence[float]], limit_c: float) -> Measured:
    found = [
        (celsius, chip)
        for chip, values in sensors.items()
        for celsius in values
        if _POSSIBLE_C[0] < celsius < _POSSIBLE_C[1] and celsius != 0
    ]
    if not found:
        nothing = "no sensor of this computer says a temperature"
        return Measured(conditions=(Condition(CODE, None, limit_c, limit_c - COOLER_C, nothing),))
    celsius, chip = max(found)
    condition = Condition(CODE, celsius, limit_c, limit_c - COOLER_C, f"{chip}: {celsius:.0f} °C")
    return Measured({"temperature_celsius": round(celsius, 1)}, (condition,))


@dataclass(frozen=True, slots=True)
class Temperature:
    limit_c: float
    name: str = "temperature"
    every_s: float = 0.0

    def measure(self) -> Measured:
        read = getattr(psutil, "sensors_temperatures", None)
        if read is None:
            return judge({}, self.limit_c)
        return judge({chip: [s.current for s in found] for chip, found in read().items()}, self.limit_c)
