"""How far a device's clock is off, which only a till whose own clock is right can say."""

from dataclasses import dataclass

from agent.health.observation import Level

_HYSTERESIS = 0.8


@dataclass(frozen=True, slots=True)
class HostClock:
    """The collector's clock is `ahead_s` seconds ahead of the till's, `uncertain_s` either way; up to
    `right_within_s` the till's clock is right."""

    ahead_s: float
    uncertain_s: float
    right_within_s: float

    @property
    def right(self) -> bool:
        return abs(self.ahead_s) + self.uncertain_s <= self.right_within_s


def drift(offset_s: float | None, host: HostClock | None, limit_s: float) -> tuple[Level | None, str]:
    """(how far the device is off and its limit, why that is so or why it is not known). `offset_s`: the
    device's clock less the till's. What is left uncertain speaks for the device."""
    if offset_s is None:
        return None, "the clock of the device was not read"
    if host is None:
        return None, "whether the till's own clock is right is not known: the collector has not told the time"
    if not host.right:
        side = "slow" if host.ahead_s > 0 else "fast"
        return None, f"the till's own clock is {abs(host.ahead_s):.0f} s {side}"
    off_s = offset_s - host.ahead_s
    side = "slow" if off_s < 0 else "fast"
    sure_s = max(abs(off_s) - host.uncertain_s, 0.0)
    return Level(sure_s, limit_s, limit_s * _HYSTERESIS), f"the device's clock is {abs(off_s):.0f} s {side}"
