"""Starts a tap that outlives the agent, if none runs, and says how to start one."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from agent.ports import tap_client
from agent.ports.holder import held
from protocols.errors import PortGone, PortHeld

FOLDER = "tap"
_START_S = 10.0
_HELD = 75


@dataclass(frozen=True, slots=True)
class TapPlan:
    """`printer`: the device's own port. `link`: what the cash program opens instead. `control`: the socket of
    the tap. `speed`: of the line until the cash program sets one. `parity`: N, E or O."""

    printer: str
    link: str
    control: Path
    speed: int
    parity: str = "N"

    def command(self, *, detach: bool) -> list[str]:
        arguments = [
            f"printer={self.printer}",
            f"link={self.link}",
            f"control={self.control}",
            f"speed={self.speed}",
            f"parity={self.parity}",
        ]
        program = ["tap", "--plain"] if getattr(sys, "frozen", False) else ["-m", "agent.ports.tap_process"]
        return [sys.executable, *program, *arguments, *(["detach=yes"] if detach else [])]


def control_of(state_dir: Path, device: str) -> Path:
    return state_dir / FOLDER / f"{device}.sock"


def ensure(plan: TapPlan) -> None:
    """A tap runs when this returns. PortHeld where the cash program still has the printer's own port,
    PortGone where the tap cannot be started."""
    try:
        tap_client.connect(plan.control).close()
    except PortGone:
        _start(plan)


def _start(plan: TapPlan) -> None:
    if held(plan.printer):
        raise PortHeld(
            f"the cash program has {plan.printer} itself: let it open {plan.link} and start it anew",
            code="port.not_tapped_yet",
        )
    plan.control.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with plan.control.with_suffix(".log").open("wb") as told:
        try:
            done = subprocess.run(
                plan.command(detach=True),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=told,
                cwd="/",
                timeout=_START_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as e:
            raise PortGone(f"the tap cannot be started ({e})", code="port.no_tap") from e
    if done.returncode not in (0, _HELD):
        raise PortGone(f"the tap does not start; {told.name} says why", code="port.no_tap")
