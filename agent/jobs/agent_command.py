"""Runs a command of this very program as a child, and says how it ended."""

from collections.abc import Sequence

from agent.jobs import child
from agent.jobs.work import Context, Exit, Outcome, P

_EXITS = {int(known) for known in Exit}


def run(context: Context[P], *arguments: str) -> Outcome:
    """The child's own exit code. Broken off where it had to be stopped."""
    command = [*context.agent, *arguments, "--config", str(context.config_file)]
    return outcome(child.run(command, context.clock, context.stop, context.ends_s, nice=context.heavy))


def outcome(ended: child.Ended) -> Outcome:
    if ended.exit is None:
        return Outcome(Exit.FAILED, "job.stopped", f"{ended.output}\nstopped: {ended.why}")
    if ended.exit == 0:
        return Outcome(output=ended.output)
    known = Exit(ended.exit) if ended.exit in _EXITS else Exit.FAILED
    return Outcome(known, "job.command_failed", ended.output, {"exit_code": ended.exit})


def named(kind: str, name: str, known: Sequence[str], where: str) -> Outcome | None:
    """What to say where the till's configuration does not name the thing; None where it does."""
    if name in known:
        return None
    listed = ", ".join(known) or "none"
    return Outcome(Exit.WRONG, f"job.no_such_{kind}", f"{where} does not name {name!r}; it names: {listed}")
