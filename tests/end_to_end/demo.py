"""`make demo`: the whole of Plomba on this machine in a minute, with a story to watch."""

import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event

from tests.end_to_end.process import ROOT
from tests.end_to_end.stage import MANAGER, PASSWORD, Stage, clean
from tests.end_to_end.story import Step, steps

PORT = int(os.environ.get("PORT") or 8443)
PAUSE_S = 6
"""How long a watched step stays on the screen before the next."""


def say(text: str = "") -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class Progress:
    """One line that moves: what is being done, and for how long."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._moving = sys.stdout.isatty()

    def do(self, title: str, work: Callable[[], object]) -> None:
        self._done += 1
        head = f"  [{self._done:2}/{self._total}] {title}"
        if self._moving:
            sys.stdout.write(head + " …")
            sys.stdout.flush()
        began = time.perf_counter()
        work()
        sys.stdout.write(
            ("\r" if self._moving else "") + f"{head}: done after {time.perf_counter() - began:.1f} s\n"
        )
        sys.stdout.flush()


def main() -> int:
    headless = bool(os.environ.get("HEADLESS"))
    if not free(PORT):
        say(
            f"Port {PORT} is in use on this machine, perhaps by another demo. Try: make demo PORT={PORT + 1000}"
        )
        return 1
    home = clean(ROOT / "var" / "demo")
    with Stage(home, port=PORT) as stage:
        try:
            _play(stage, headless)
        except (AssertionError, OSError) as e:
            say(f"\nThe demo failed: {e}")
            _show_logs(home)
            return 1
        except KeyboardInterrupt:
            say("\nStopped.")
    return 0


def _play(stage: Stage, headless: bool) -> None:
    building: list[tuple[str, Callable[[], object]]] = [
        ("A collector with a certificate authority of its own", stage.make_collector),
        ("Two emulated printers, each on a pty", stage.make_devices),
        ("An agent, enrolled with a one-time code", stage.make_agent),
        ("The agent runs", stage.start_agent),
        ("Both printers answer", stage.wait_all_well),
    ]
    story = steps(stage)
    progress = Progress(len(building) + len(story))
    say("Building a small world under var/demo:")
    for title, work in building:
        progress.do(title, work)
    _invite(stage)
    if not headless:
        wait_for_enter()
    for step in story:
        progress.do(step.title, lambda step=step: _step(step))  # type: ignore[misc]
        if not headless:
            Event().wait(PAUSE_S)
    _check_quiet(stage)
    if not headless:
        say("\nThe story is over; the world stays until you press Ctrl+C. The printers are yours:")
        say(_try(stage))
        Event().wait()


def free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def wait_for_enter() -> None:
    """Begins at once where nobody can press a key."""
    if sys.stdin.isatty():
        input("Press Enter to begin the story … ")


def _step(step: Step) -> None:
    step.play()
    step.check()


def _invite(stage: Stage) -> None:
    say(f"""
  Dashboard   {stage.url}   (its certificate is from var/demo/collector/ca.pem: the browser warns once)
  Sign in     {MANAGER} / {PASSWORD}
  Try         open Incidents in a second window and watch the story arrive; press ? for the keys;
              change the language at the top right
""")


def _try(stage: Stage) -> str:
    assert stage.printer
    assert stage.fiscal
    return f"""
  curl -X POST {stage.printer.control}/faults -d '{{"paper_end": true}}'
  curl -X POST {stage.fiscal.control}/faults -d '{{"cover_open": true}}'
  curl -X POST {stage.printer.control}/reset
  .venv/bin/plomba-agent status --config {stage.config.relative_to(ROOT)}
"""


def _check_quiet(stage: Stage) -> None:
    """Promise 1: nothing but allow-listed commands reached the printers."""
    for emulator in (stage.printer, stage.fiscal):
        assert emulator
        forbidden = emulator.forbidden()
        assert not forbidden, f"forbidden commands reached the {emulator.process.name}: {forbidden}"


def _show_logs(home: Path) -> None:
    for log in sorted((home / "logs").glob("*.log")):
        say(f"--- {log.name}")
        say("\n".join(log.read_text(errors="replace").splitlines()[-15:]))


if __name__ == "__main__":
    sys.exit(main())
