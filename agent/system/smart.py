"""What the disks say of their own health, asked with smartctl. No self-test is started, and a disk that sleeps is
not woken."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from agent.system.command import Answer, Commands
from agent.system.probe import Measured, NotKnown, count

CODE = "host.disk_failing"
EVERY_S = 3600.0
_MOST = 8
_FAILING = 1 << 3
"""A bit of smartctl's exit code (smartctl(8), "EXIT STATUS")."""
_ATTRIBUTES = {5: "reallocated", 187: "uncorrectable", 197: "pending", 198: "unreadable"}
"""Numbers of ATA attributes whose raw value counts sectors or errors."""
_NVME = {
    "media_errors": "media_errors",
    "percentage_used": "used_percent",
    "available_spare": "spare_percent",
}
_WARNINGS = ("spare is low", "temperature", "not reliable any more", "read only", "its backup power failed")
"""Bits of the critical warning of an NVMe disk, lowest first (NVM Express base specification, SMART log)."""


@dataclass(frozen=True, slots=True)
class Disk:
    """`failing`: None where the disk does not say. `why` says what it said, or why it said nothing."""

    name: str
    failing: bool | None
    why: str
    figures: Mapping[str, float] = field(default_factory=dict)
    model: str = ""


def judge(disks: Sequence[Disk]) -> Measured:
    """A disk that fails does so whatever is not known of the others."""
    values = {f"smart_{key}:{disk.name}": value for disk in disks for key, value in disk.figures.items()}
    failing = [f"{disk.name}: {disk.why}" for disk in disks if disk.failing]
    unclear = [f"{disk.name}: {disk.why}" for disk in disks if disk.failing is None]
    known = [disk for disk in disks if disk.failing is not None]
    facts = {"host.disks": {disk.name: disk.model or "?" for disk in disks}}
    if failing:
        return Measured(values, (count(CODE, len(failing), "; ".join(failing)),), facts)
    if unclear or not known:
        why = "; ".join(unclear) or "smartctl found no disk"
        return Measured(values, (count(CODE, None, why),), facts if disks else {})
    return Measured(values, (count(CODE, 0, "every disk says that it is well"),), facts)


def read(name: str, answer: Answer) -> Disk:
    """One answer of `smartctl --json -i -H -A`. NotKnown where it is no JSON."""
    told = _document(answer)
    model, figures = str(told.get("model_name") or told.get("scsi_model_name") or ""), dict(_figures(told))
    problems = list(_problems(told, answer.code))
    if problems:
        return Disk(name, True, ", ".join(problems), figures, model)
    passed = _part(told, "smart_status").get("passed")
    if passed is True:
        return Disk(name, False, "well", figures, model)
    return Disk(name, None, _message(told) or "it does not say how it is", figures, model)


def _problems(told: Mapping[str, object], code: int) -> Iterator[str]:
    passed = _part(told, "smart_status").get("passed")
    if passed is False or code & _FAILING:
        yield "it says of itself that it fails"
    warning = _part(told, "nvme_smart_health_information_log").get("critical_warning")
    if isinstance(warning, int):
        # Heat has a fault code of its own.
        yield from (word for bit, word in enumerate(_WARNINGS) if warning >> bit & 1 and bit != 1)
    for row in _rows(told):
        flags = row.get("flags")
        early = isinstance(flags, dict) and flags.get("prefailure") is True
        if early and row.get("when_failed") == "now":
            yield f"{row.get('name')} is at its threshold"


def _figures(told: Mapping[str, object]) -> Iterator[tuple[str, float]]:
    for row in _rows(told):
        raw, number = row.get("raw"), row.get("id")
        value = raw.get("value") if isinstance(raw, dict) else None
        if isinstance(number, int) and number in _ATTRIBUTES and isinstance(value, int):
            yield _ATTRIBUTES[number], float(value)
    log = _part(told, "nvme_smart_health_information_log")
    for key, name in _NVME.items():
        value = log.get(key)
        if isinstance(value, int):
            yield name, float(value)
    for group, key, name in (("temperature", "current", "celsius"), ("power_on_time", "hours", "hours")):
        value = _part(told, group).get(key)
        if isinstance(value, int):
            yield name, float(value)


def _rows(told: Mapping[str, object]) -> list[dict[str, object]]:
    table = _part(told, "ata_smart_attributes").get("table")
    return [row for row in table if isinstance(row, dict)] if isinstance(table, list) else []


def _part(told: Mapping[str, object], key: str) -> Mapping[str, object]:
    found = told.get(key)
    return found if isinstance(found, dict) else {}


def _message(told: Mapping[str, object]) -> str:
    messages = _part(told, "smartctl").get("messages")
    texts = (
        [str(m.get("string")) for m in messages if isinstance(m, dict)] if isinstance(messages, list) else []
    )
    return texts[0][:200] if texts else ""


def _document(answer: Answer) -> Mapping[str, object]:
    try:
        found = json.loads(answer.out)
    except ValueError as e:
        raise NotKnown("smartctl gave no JSON; version 7 or newer is needed") from e
    if not isinstance(found, dict):
        raise NotKnown("smartctl gave no JSON object")
    return found


@dataclass(frozen=True, slots=True)
class Smart:
    commands: Commands
    name: str = "smart"
    every_s: float = EVERY_S

    def measure(self) -> Measured:
        scan = _document(self.commands.run("smartctl", "--json", "--scan"))
        devices = scan.get("devices")
        rows = [row for row in devices if isinstance(row, dict)] if isinstance(devices, list) else []
        if not rows:
            raise NotKnown(_message(scan) or "smartctl found no disk that it can ask")
        return judge([self._ask(row) for row in rows[:_MOST]])

    def _ask(self, row: Mapping[str, object]) -> Disk:
        device = str(row.get("name"))
        kind = str(row.get("type") or "auto")
        name = device.removeprefix("/dev/") + (f" {kind}" if "," in kind else "")
        answer = self.commands.run(
            "smartctl", "--json", "-n", "standby", "-i", "-H", "-A", "-d", kind, "--", device
        )
        if not answer.out.strip():
            return Disk(name, None, answer.complaint or "smartctl said nothing")
        return read(name, answer)
