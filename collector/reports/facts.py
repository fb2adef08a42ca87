"""What one monthly report says, as it is kept: figures and names only. Words and looks come when it is drawn."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Availability(_Fact):
    """Minutes of the time that counts. `percent` None: nothing was known. `device` empty: the till itself."""

    site: str
    till: str
    device: str = ""
    model: str = ""
    percent: float | None
    counted_min: int
    down_min: int
    unknown_min: int
    trading_hours: bool
    """Only the opening hours of the shop were counted; else, its hours being unknown, every hour."""


class Cause(_Fact):
    """Incidents of one fault that came in the month. `effects`: how many others were only its consequence."""

    code: str
    opened: int
    minutes: int
    effects: int


class Promise(_Fact):
    """`metric`: tto or ttr. `kept` and `missed` of the incidents that ended in the month or were late at its end."""

    metric: str
    kept: int
    missed: int

    @property
    def percent(self) -> float | None:
        return 100 * self.kept / (self.kept + self.missed) if self.kept + self.missed else None


class Late(_Fact):
    incident: int
    code: str
    title: str
    place: str
    metric: str
    by_min: int


class Proof(_Fact):
    """One backup source of one till."""

    site: str
    till: str
    source: str
    sets: int
    failed: int
    drills: int
    drills_failed: int
    last_set_at: datetime | None
    last_proof_at: datetime | None
    proof_s: float | None


class VisitMade(_Fact):
    at: datetime
    site: str
    purpose: str
    state: str
    minutes: int | None


class Asked(_Fact):
    """Requests of one type; `titles`: language -> how the catalogue calls it."""

    type: str
    titles: dict[str, str] = {}
    opened: int
    resolved: int
    rating: float | None


class Facts(_Fact):
    """`month` as 2026-10, from its first to its last moment in the zone."""

    version: int = 1
    customer: str
    registration_number: str = ""
    month: str
    zone: str
    begins_at: datetime
    ends_at: datetime
    tills: tuple[Availability, ...] = ()
    devices: tuple[Availability, ...] = ()
    incidents_opened: int = 0
    incidents_resolved: int = 0
    incidents_open: int = 0
    causes: tuple[Cause, ...] = ()
    promises: tuple[Promise, ...] = ()
    late: tuple[Late, ...] = ()
    backups: tuple[Proof, ...] = ()
    visits: tuple[VisitMade, ...] = ()
    requests: tuple[Asked, ...] = ()

    @property
    def percent(self) -> float | None:
        """Of all devices together; None where nothing was known."""
        known = sum(one.counted_min - one.unknown_min for one in self.devices)
        down = sum(one.down_min for one in self.devices)
        return 100 * (known - down) / known if known else None

    @property
    def proven(self) -> int:
        """Sources of which a restore was proven in the month."""
        return sum(1 for one in self.backups if one.drills > one.drills_failed)
