"""Puts a new version of the agent in its own place. This process has no right to do so: it fetches the package, leaves
it with the signed job for the updater of the Debian package, which proves both once more, and waits to be ended."""

import os
import sys
from datetime import timedelta

from agent.config import updating
from agent.jobs import agent_command
from agent.jobs.work import Context, Exit, Outcome
from protocols.wire.job import Update
from protocols.wire.package import Order

CODE = "job.update_not_available"
LOOK_S = 1.0
WAITS = timedelta(minutes=10)
"""So long the updater may take to begin. It says no, or the agent is ended by the new one."""


class Updating:
    def describe(self, parameters: Update) -> str:
        return f"update the agent to {parameters.version}"

    def dry_run(self, context: Context[Update]) -> Outcome:
        said = f"would fetch version {context.parameters.version}, and have it installed if it starts here"
        return _not_here() or Outcome(output=said)

    def run(self, context: Context[Update]) -> Outcome:
        return _not_here() or _fetched(context) or _handed_over(context)


def _not_here() -> Outcome | None:
    if sys.platform == "linux" and updating.UPDATER.is_file():
        return None
    why = (
        "this agent was not installed from its Debian package, so it cannot update itself; install it by hand"
    )
    return Outcome(Exit.REFUSED, CODE, why)


def _fetched(context: Context[Update]) -> Outcome | None:
    """None where the package is here, whole."""
    outcome = agent_command.run(context, "update", "fetch", "--sha256", context.parameters.sha256)
    return None if outcome.exit is Exit.DONE else outcome


def _handed_over(context: Context[Update]) -> Outcome:
    file = updating.order_in(context.config.agent.state_dir)
    order = Order(job=context.signed, operators=context.operators)
    part = file.with_suffix(".new")
    with part.open("w", encoding="utf-8") as out:
        out.write(order.model_dump_json())
        out.flush()
        os.fsync(out.fileno())
    part.replace(file)
    ends_s = context.clock.monotonic() + min(context.ends_s, WAITS.total_seconds())
    while not context.clock.wait(context.stop, LOOK_S):
        if not file.exists():
            return _told(updating.read_told(), context.parameters.version)
        if context.clock.monotonic() >= ends_s:
            file.unlink(missing_ok=True)
            why = "nobody took the order: is plomba-update.path switched on?"
            return Outcome(Exit.FAILED, "job.updater_silent", why)
    said = f"version {context.parameters.version} is being installed; its first report says that it runs"
    return Outcome(output=said)


def _told(told: updating.Told | None, wanted: str) -> Outcome:
    """The order goes when all is said."""
    if told is None:
        return Outcome(
            Exit.FAILED, "job.updater_silent", "the order is gone, and nobody says what became of it"
        )
    if told.wanted not in ("", wanted):
        why = f"an update to {told.wanted} was under way ({told.result}), and this order went with it; sign it again"
        return Outcome(Exit.LATER, "job.updater_busy", why)
    if told.result == updating.GOOD:
        return Outcome(output=f"version {told.wanted} runs")
    exit_ = Exit.REFUSED if told.result == "refused" else Exit.FAILED
    return Outcome(exit_, f"job.update_{told.result}", told.reason)
