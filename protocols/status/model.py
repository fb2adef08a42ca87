"""What a device says of itself. Every field may be None: unknown, because it was not asked, the model cannot
tell, or the profile does not say that the bit means it. None is never turned into False."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from operator import attrgetter
from typing import Any, Self

_INNER = {"inner": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceState:
    """Times are the device's own wall clock, without a zone: the device does not know one. `numbers_set`
    (the numbers of device and fiscal memory) only serves the fault fiscal.not_registered; it is not told."""

    online: bool | None = None
    cover_open: bool | None = None
    paper_end: bool | None = None
    paper_near_end: bool | None = None
    head_lever_up: bool | None = None
    head_overheat: bool | None = None
    cutter_error: bool | None = None
    mechanism_error: bool | None = None
    power_supply_fault: bool | None = None
    drawer_sensor_high: bool | None = None
    drawer_open: bool | None = None
    battery_low: bool | None = None
    ram_reset: bool | None = None
    clock_set: bool | None = None
    day_open: bool | None = None
    day_over_24h: bool | None = None
    receipt_open: bool | None = None
    fiscal_memory_full: bool | None = None
    fiscal_memory_near_full: bool | None = None
    fiscal_memory_error: bool | None = None
    fiscal_memory_readonly: bool | None = None
    fiscal_memory_missing: bool | None = None
    journal_full: bool | None = None
    journal_near_full: bool | None = None
    fiscalised: bool | None = None
    tax_number_set: bool | None = None
    tax_link_fault: bool | None = None
    busy: bool | None = None
    device_time: datetime | None = None
    last_z_number: int | None = None
    last_z_time: datetime | None = None
    free_z_records: int | None = None
    supply_voltage: float | None = None
    numbers_set: bool | None = field(default=None, metadata=_INNER)

    def updated(self, newer: Self) -> Self:
        """This state with every field that `newer` knows. Often one of the two knows nothing: no new object then."""
        mine, theirs = _ALL_OF(self), _ALL_OF(newer)
        both = tuple(old if new is None else new for old, new in zip(mine, theirs, strict=True))
        if both == mine:
            return self
        known: dict[str, Any] = dict(zip(_NAMES, both, strict=True))
        return newer if both == theirs else type(self)(**known)

    def with_flags(self, flags: Mapping[str, bool]) -> Self:
        """This state with these FLAGS or INNER flags set; any other name is a TypeError."""
        changes: dict[str, Any] = dict(zip(_NAMES, _ALL_OF(self), strict=True))
        return type(self)(**changes | dict(flags))

    def as_dict(self) -> dict[str, bool | int | float | datetime | None]:
        return dict(zip(FIELDS, _FIELDS_OF(self), strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who the device says that it is. An empty string means that it did not say."""

    maker: str = ""
    model: str = ""
    firmware: str = ""
    serial: str = ""
    fiscal_memory_number: str = ""
    tax_number: str = ""

    def updated(self, newer: Self) -> Self:
        return replace(self, **{k: v for k, v in newer.as_dict().items() if v})

    def as_dict(self) -> dict[str, str]:
        return dict(zip(_IDENTITY, _IDENTITY_OF(self), strict=True))


FIELDS: tuple[str, ...] = tuple(f.name for f in fields(DeviceState) if f.metadata != _INNER)
INNER: tuple[str, ...] = tuple(f.name for f in fields(DeviceState) if f.metadata == _INNER)
FLAGS: tuple[str, ...] = tuple(
    f.name for f in fields(DeviceState) if f.type == bool | None and f.name in FIELDS
)
_IDENTITY = tuple(f.name for f in fields(Identity))
_IDENTITY_OF = attrgetter(*_IDENTITY)
_NAMES = (*FIELDS, *INNER)
_FIELDS_OF, _ALL_OF = attrgetter(*FIELDS), attrgetter(*_NAMES)
VALUES: tuple[str, ...] = tuple(name for name in FIELDS if name not in FLAGS)
