"""Proves that a backup restores. A till does not hold the key that opens backups, so this works only where a person has
brought it: on a stick, in the file that `[jobs] drill_key` names."""

from agent.jobs import agent_command
from agent.jobs.restore import no_key
from agent.jobs.work import Context, Outcome
from protocols.wire.job import RunDrill


class Drill:
    def describe(self, parameters: RunDrill) -> str:
        return f"restore {parameters.backup} into a scratch place and compare"

    def dry_run(self, context: Context[RunDrill]) -> Outcome:
        return _hindered(context) or Outcome(output=f"would restore {context.parameters.backup} and compare")

    def run(self, context: Context[RunDrill]) -> Outcome:
        hindered = _hindered(context)
        if hindered:
            return hindered
        key = str(context.config.jobs.drill_key)
        name = context.parameters.backup
        return agent_command.run(context, "drill", "--name", name, "--recovery-key", key, "--json")


def _hindered(context: Context[RunDrill]) -> Outcome | None:
    known = [plan.name for plan in context.config.backups]
    wrong = agent_command.named("backup", context.parameters.backup, known, "[[backup]]")
    return wrong or no_key(context)
