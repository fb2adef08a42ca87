"""Problems that show in many incidents: the same fault of the same model and firmware within thirty days; and the same
fault solved the same way again and again. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rapidfuzz import fuzz
from rapidfuzz.utils import default_process

WITHIN = timedelta(days=30)
AT_LEAST = 3
DEVICES = 2
EQUAL = 3
ALIKE = 85
"""Of 100: how like two notes must be to say the same (the share of the same words, in any order)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An incident of a device. `device`: which one, whatever tells it from others."""

    incident: int
    code: str
    model: str
    firmware: str
    device: str
    site: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Cluster:
    code: str
    model: str
    firmware: str
    incidents: tuple[int, ...]
    devices: int
    sites: int
    first_at: datetime
    last_at: datetime

    @property
    def key(self) -> str:
        return "|".join((self.code, self.model.casefold(), self.firmware.casefold()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Solved:
    incident: int
    code: str
    model: str
    resolution_code: str
    text: str


@dataclass(frozen=True, slots=True)
class Equal:
    """`texts` from the newest to the oldest."""

    code: str
    model: str
    resolution_code: str
    incidents: tuple[int, ...]
    texts: tuple[str, ...]


def clusters(
    cases: Iterable[Case],
    now: datetime,
    *,
    within: timedelta = WITHIN,
    at_least: int = AT_LEAST,
    devices: int = DEVICES,
) -> list[Cluster]:
    """The largest first. One device that fails often is a repair; a problem shows on several. A model that is not known
    is no cluster: nothing ties such devices together. A firmware that is not known is one of its own."""
    groups: dict[tuple[str, str, str], list[Case]] = defaultdict(list)
    for case in cases:
        if case.model and now - within <= case.at <= now:
            groups[case.code, case.model.casefold(), case.firmware.casefold()].append(case)
    found = [_cluster(group) for group in groups.values()]
    large = [one for one in found if len(one.incidents) >= at_least and one.devices >= devices]
    return sorted(large, key=lambda one: (-len(one.incidents), one.key))


def equal(solved: Sequence[Solved], *, at_least: int = EQUAL, alike: float = ALIKE) -> list[Equal]:
    """Groups of the same fault and model that were solved the same way: the same resolution code where one was given,
    and notes that say the same. Given from the newest to the oldest."""
    groups: list[list[Solved]] = []
    for one in solved:
        home = next((group for group in groups if _same(group[0], one, alike)), None)
        if home is None:
            groups.append([one])
        else:
            home.append(one)
    return [
        Equal(
            code=group[0].code,
            model=group[0].model,
            resolution_code=group[0].resolution_code,
            incidents=tuple(one.incident for one in group),
            texts=tuple(one.text for one in group),
        )
        for group in groups
        if len(group) >= at_least
    ]


def _cluster(group: Sequence[Case]) -> Cluster:
    newest = max(group, key=lambda case: (case.at, case.incident))
    return Cluster(
        code=newest.code,
        model=newest.model,
        firmware=newest.firmware,
        incidents=tuple(sorted(case.incident for case in group)),
        devices=len({case.device for case in group}),
        sites=len({case.site for case in group}),
        first_at=min(case.at for case in group),
        last_at=newest.at,
    )


def _same(one: Solved, other: Solved, alike: float) -> bool:
    keys = ((each.code, each.model.casefold(), each.resolution_code) for each in (one, other))
    return len(set(keys)) == 1 and (
        fuzz.token_sort_ratio(one.text, other.text, processor=default_process) >= alike
    )
