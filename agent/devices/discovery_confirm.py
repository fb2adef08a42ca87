"""Asks the ports that may be asked who is there, one after the other, and says of every port what became of
it. The second step of discovery; the first is `agent.ports.discovery`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from agent.clock import Clock
from agent.config.address import parse
from agent.config.model import Device
from agent.devices.discovery import (
    Candidate,
    Permission,
    Reason,
    Standing,
    is_of_interest,
    permission,
    rank,
    to_ask,
)
from agent.devices.prober import Finding, Progress, probe, quiet
from agent.ports.discovery import Sighting, is_at
from protocols.device.family import Family, Way
from protocols.device.profile import Profiles
from protocols.errors import DeviceError, PlombaError, PortDenied, PortError, PortHeld


class Confidence(StrEnum):
    """How sure it is that the family is right, strongest first."""

    CERTAIN = "certain"  # it answered and named itself
    LIKELY = "likely"  # it answered, and did not say who it is
    BY_ID = "by id"  # not asked; its USB ids name one family
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Plan:
    """What people have said. `listed`: ports that may be asked; `bauds`: instead of the usual speeds;
    `dry`: nothing is opened and nothing is written."""

    families: Sequence[Family]
    profiles: Mapping[str, Profiles]
    listed: Sequence[str] = ()
    configured: Sequence[Device] = ()
    bauds: Sequence[int] = ()
    dry: bool = False

    def standing(self, sighting: Sighting) -> Standing:
        here = [device for device in self.configured if is_at(device.port, sighting)]
        return Standing(
            listed=any(is_at(port, sighting) for port in self.listed),
            configured=here[0].id if here else "",
            trigger=any(parse(device.port).way is Way.SIGNALS for device in here),
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is known of one port at the end. `finding`: it answered; `error`: it was asked in vain, or could not
    be; both None: it was not asked."""

    sighting: Sighting
    candidates: tuple[Candidate, ...]
    permission: Permission
    configured: str = ""
    finding: Finding | None = None
    error: PlombaError | None = None

    @property
    def family(self) -> str:
        """ "" where it is not known."""
        if self.finding:
            return self.finding.family
        named = [candidate.family.name for candidate in self.candidates if candidate.identified]
        return named[0] if len(named) == 1 and not isinstance(self.error, DeviceError) else ""

    @property
    def confidence(self) -> Confidence:
        if self.finding:
            said = self.finding.identity
            return Confidence.CERTAIN if said.model or said.serial else Confidence.LIKELY
        return Confidence.BY_ID if self.family else Confidence.NONE

    @property
    def asked(self) -> bool:
        """Something may have been written to it."""
        return bool(self.finding or self.error) and not isinstance(self.error, PortHeld | PortDenied)

    @property
    def held(self) -> bool | None:
        return True if isinstance(self.error, PortHeld) else self.sighting.held

    @property
    def why(self) -> tuple[Reason, ...]:
        """Why the family is believed, or which families are conceivable."""
        signs = tuple(r for c in self.candidates for r in c.reasons if c.weight and self._is_meant(c))
        if self.finding:
            return (*(Reason("answer", text) for text in self.finding.why), *signs)
        return signs

    @property
    def left(self) -> tuple[Reason, ...]:
        """What was not asked, or in vain, and why."""
        if self.error:
            return (Reason(self.error.code, str(self.error)),)
        return () if self.finding else (self.permission.reason,)

    def _is_meant(self, candidate: Candidate) -> bool:
        return not self.finding or candidate.family.name == self.finding.family


def discover(
    sightings: Sequence[Sighting], plan: Plan, clock: Clock, progress: Progress = quiet
) -> Iterator[Outcome]:
    """One outcome for each port that is of interest, in their order, each as soon as it is known."""
    for sighting in sightings:
        candidates = rank(sighting, plan.families)
        if not is_of_interest(sighting, candidates):
            continue
        standing = plan.standing(sighting)
        verdict = permission(sighting, candidates, standing)
        families = to_ask(candidates, listed=standing.listed) if verdict.allowed else []
        outcome = Outcome(
            sighting, candidates, _dry(verdict, families) if plan.dry else verdict, standing.configured
        )
        yield outcome if plan.dry or not families else _confirmed(outcome, families, plan, clock, progress)


def _dry(verdict: Permission, families: Sequence[Family]) -> Permission:
    if not verdict.allowed:
        return verdict
    names = ", ".join(family.name for family in families) or "nothing"
    text = f"this is a dry run; else it would be asked as {names}, because {verdict.reason.text}"
    return Permission(False, Reason("leave.dry_run", text))


def _confirmed(
    outcome: Outcome, families: Sequence[Family], plan: Plan, clock: Clock, progress: Progress
) -> Outcome:
    try:
        found = probe(
            outcome.sighting.address, families, plan.profiles, clock, bauds=plan.bauds, progress=progress
        )
    except (DeviceError, PortError) as e:
        return replace(outcome, error=e)
    return replace(outcome, finding=found)
