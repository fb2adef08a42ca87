"""Restarts one service that the till's configuration allows to be restarted."""

import os
import sys
from pathlib import Path

from agent.jobs import agent_command, child
from agent.jobs.work import Context, Outcome
from protocols.wire.job import RestartService


class Restart:
    def describe(self, parameters: RestartService) -> str:
        return f"restart the service {parameters.service}"

    def dry_run(self, context: Context[RestartService]) -> Outcome:
        commands = _commands(context.parameters.service)
        said = "\n".join(" ".join(command) for command in commands)
        return _unknown(context) or Outcome(output=f"would run\n{said}")

    def run(self, context: Context[RestartService]) -> Outcome:
        unknown = _unknown(context)
        if unknown:
            return unknown
        ended = child.Ended(0, "")
        for command in _commands(context.parameters.service):
            ended = child.run(command, context.clock, context.stop, context.ends_s)
        return agent_command.outcome(ended)


def _unknown(context: Context[RestartService]) -> Outcome | None:
    known = context.config.jobs.services
    return agent_command.named("service", context.parameters.service, known, "[jobs] services")


def _commands(service: str) -> list[list[str]]:
    """What counts is how the last one ends: stopping what does not run fails, and does not matter."""
    if sys.platform == "win32":
        net = str(Path(os.environ.get("SystemRoot", r"C:\Windows")) / "System32" / "net.exe")  # noqa: SIM112
        return [[net, "stop", service, "/y"], [net, "start", service]]
    return [["systemctl", "restart", "--", service]]
