"""States and what leads from one to the next, as tables. Pure. What is not in a table is refused; the guards of a
change are in `guards`."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from collector.service.refusing import ServiceRefused


@dataclass(frozen=True, slots=True)
class Flow:
    """`moves`: (state, stimulus) -> the next state."""

    name: str
    start: str
    moves: Mapping[tuple[str, str], str]

    @property
    def states(self) -> frozenset[str]:
        return frozenset({self.start, *(state for state, _ in self.moves), *self.moves.values()})

    @property
    def stimuli(self) -> frozenset[str]:
        return frozenset(stimulus for _, stimulus in self.moves)

    def move(self, state: str, stimulus: str) -> str:
        """ServiceRefused `service.state` for what is not in the table."""
        try:
            return self.moves[(state, stimulus)]
        except KeyError as e:
            raise ServiceRefused(
                f"{self.name}: {stimulus} is not possible in {state}", code="service.state", detail=state
            ) from e

    def open_to(self, state: str) -> tuple[str, ...]:
        """The stimuli that lead on from here, in the order of the table."""
        return tuple(stimulus for at, stimulus in self.moves if at == state)


class Kind(StrEnum):
    """Of changes. A standard one is approved once for all, by its category."""

    STANDARD = "standard"
    NORMAL = "normal"
    EMERGENCY = "emergency"


# The states are those of iTop's change module (datamodels/2.x), with `cancelled` for one that is given up, and
# `back_out` for one whose work was undone.
_NORMAL: Mapping[tuple[str, str], str] = {
    ("new", "validate"): "validated",
    ("new", "reject"): "rejected",
    ("new", "cancel"): "cancelled",
    ("rejected", "reopen"): "new",
    ("rejected", "cancel"): "cancelled",
    ("validated", "assign"): "assigned",
    ("validated", "cancel"): "cancelled",
    ("assigned", "plan"): "planned",
    ("assigned", "cancel"): "cancelled",
    ("planned", "plan"): "planned",
    ("planned", "approve"): "approved",
    ("planned", "refuse"): "not_approved",
    ("planned", "cancel"): "cancelled",
    ("not_approved", "plan"): "planned",
    ("not_approved", "cancel"): "cancelled",
    ("approved", "plan"): "planned",
    ("approved", "implement"): "implemented",
    ("approved", "back_out"): "monitored",
    ("approved", "cancel"): "cancelled",
    ("implemented", "monitor"): "monitored",
    ("implemented", "close"): "closed",
    ("monitored", "close"): "closed",
}
_EMERGENCY = {
    ("new", "assign"): "assigned",
    **{move: to for move, to in _NORMAL.items() if move[0] not in ("validated", "rejected")},
}
_STANDARD = {
    ("new", "assign"): "assigned",
    ("new", "cancel"): "cancelled",
    ("assigned", "plan"): "planned",
    ("assigned", "cancel"): "cancelled",
    ("planned", "plan"): "planned",
    ("planned", "implement"): "implemented",
    ("planned", "back_out"): "monitored",
    ("planned", "cancel"): "cancelled",
    ("implemented", "monitor"): "monitored",
    ("implemented", "close"): "closed",
    ("monitored", "close"): "closed",
}
CHANGES: Mapping[Kind, Flow] = {
    Kind.NORMAL: Flow("change", "new", _NORMAL),
    Kind.EMERGENCY: Flow(
        "change", "new", {m: to for m, to in _EMERGENCY.items() if m[1] not in ("validate", "reject")}
    ),
    Kind.STANDARD: Flow("change", "new", _STANDARD),
}
CHANGE_OVER = ("closed", "cancelled", "rejected")

VISITS = Flow(
    "visit",
    "planned",
    {
        ("planned", "confirm"): "confirmed",
        ("planned", "leave"): "on_way",
        ("planned", "move"): "planned",
        ("planned", "cancel"): "cancelled",
        ("confirmed", "leave"): "on_way",
        ("confirmed", "move"): "planned",
        ("confirmed", "cancel"): "cancelled",
        ("on_way", "arrive"): "on_site",
        ("on_way", "cancel"): "cancelled",
        ("on_site", "finish"): "done",
        ("on_site", "fail"): "failed",
        ("failed", "move"): "planned",
    },
)
VISIT_OVER = ("done", "failed", "cancelled")

PROBLEMS = Flow(
    "problem",
    "new",
    {
        ("new", "assign"): "assigned",
        ("assigned", "assign"): "assigned",
        ("assigned", "resolve"): "resolved",
        ("resolved", "reopen"): "assigned",
        ("resolved", "close"): "closed",
    },
)

CANDIDATES = Flow(
    "candidate",
    "proposed",
    {
        ("proposed", "accept"): "accepted",
        ("proposed", "dismiss"): "dismissed",
        ("dismissed", "propose"): "proposed",
    },
)

SWAPS = Flow(
    "swap",
    "asked",
    {("asked", "accept"): "accepted", ("asked", "decline"): "declined", ("asked", "withdraw"): "withdrawn"},
)
