"""Has a fresh process of this program look whether it can do its work here."""

from agent.jobs import agent_command
from agent.jobs.work import Context, Outcome
from protocols.wire.job import SelfTest


class Test:
    def describe(self, parameters: SelfTest) -> str:  # noqa: ARG002 - it has none
        return "test the agent itself"

    def dry_run(self, context: Context[SelfTest]) -> Outcome:  # noqa: ARG002 - nothing depends on it
        return Outcome(output="would run plomba-agent selftest")

    def run(self, context: Context[SelfTest]) -> Outcome:
        return agent_command.run(context, "selftest")
