"""Whether the computer runs from a battery: its own, or that of a UPS that NUT or apcupsd watches."""

from collections.abc import Iterator
from dataclasses import dataclass

import psutil

from agent.system.command import Commands
from agent.system.probe import Condition, Measured, NotKnown, count

CODE = "host.on_battery"
EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class Power:
    """One battery. What it does not say is None."""

    name: str
    on_battery: bool | None
    percent: float | None = None
    left_s: float | None = None


def judge(found: list[Power], unheard: list[str]) -> Measured:
    """`unheard`: why a UPS that is set up could not be asked. No battery at all is no fault and no news."""
    values: dict[str, float] = {}
    for power in found:
        if power.percent is not None:
            values[f"battery_percent:{power.name[:50]}"] = power.percent
        if power.left_s is not None:
            values[f"battery_left_s:{power.name[:50]}"] = power.left_s
    return Measured(values, _conditions(found, unheard))


def _conditions(found: list[Power], unheard: list[str]) -> tuple[Condition, ...]:
    running = [power.name for power in found if power.on_battery]
    unclear = [f"{power.name} does not say" for power in found if power.on_battery is None] + unheard
    if running:
        return (count(CODE, len(running), f"runs from {', '.join(running)}"),)
    if unclear:
        return (count(CODE, None, "; ".join(unclear)),)
    return (count(CODE, 0, "the mains are back"),) if found else ()


def nut(name: str, text: str) -> Power:
    """Of `upsc`: lines of "key: value". ups.status holds OL, OB, LB and others, and no OL or OB while the driver
    knows nothing (NUT's documentation of variables, "ups.status")."""
    told = _pairs(text)
    status = told.get("ups.status", "").split()
    on_battery = True if "OB" in status else False if "OL" in status else None
    return Power(name, on_battery, _number(told, "battery.charge"), _number(told, "battery.runtime"))


def apc(text: str) -> Power:
    """Of `apcaccess`: lines of "KEY : value unit". STATUS holds ONLINE, ONBATT, COMMLOST and others (apcupsd's
    manual, "Status report fields")."""
    told = _pairs(text)
    status = told.get("STATUS", "").split()
    on_battery = True if "ONBATT" in status else False if "ONLINE" in status else None
    if "COMMLOST" in status:
        on_battery = None
    minutes = _number(told, "TIMELEFT")
    left_s = None if minutes is None else minutes * 60
    return Power(told.get("UPSNAME") or "apcupsd", on_battery, _number(told, "BCHARGE"), left_s)


def _pairs(text: str) -> dict[str, str]:
    parts = (line.partition(":") for line in text.splitlines())
    return {key.strip(): value.strip() for key, _colon, value in parts}


def _number(told: dict[str, str], key: str) -> float | None:
    try:
        return float(told[key].split()[0])
    except (KeyError, IndexError, ValueError):
        return None


def own() -> Iterator[Power]:
    """The battery that the system itself shows; Windows shows a UPS on USB so, too."""
    read = getattr(psutil, "sensors_battery", None)
    found = read() if read else None
    if found is not None:
        plugged = found.power_plugged
        left_s = float(found.secsleft) if found.secsleft > 0 and not plugged else None
        yield Power("battery", None if plugged is None else not plugged, round(found.percent, 1), left_s)


@dataclass(frozen=True, slots=True)
class Battery:
    """Programs of a UPS that are not installed are not missed."""

    commands: Commands
    name: str = "battery"
    every_s: float = EVERY_S

    def measure(self) -> Measured:
        found, unheard = list(own()), list[str]()
        for ask in (self._nut, self._apc):
            try:
                found += ask()
            except NotKnown as e:
                unheard.append(str(e))
        return judge(found, unheard)

    def _nut(self) -> list[Power]:
        if not self.commands.has("upsc"):
            return []
        names = self.commands.run("upsc", "-l").good.split()[:4]
        return [nut(name, self.commands.run("upsc", name).good) for name in names]

    def _apc(self) -> list[Power]:
        if not self.commands.has("apcaccess"):
            return []
        return [apc(self.commands.run("apcaccess").good)]
