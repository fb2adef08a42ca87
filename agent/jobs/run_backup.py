"""Makes one of the configured backups now. The backup tells its own result beside this one."""

from agent.jobs import agent_command
from agent.jobs.work import Context, Outcome
from protocols.wire.job import RunBackup


class Backup:
    def describe(self, parameters: RunBackup) -> str:
        return f"back up {parameters.backup}"

    def dry_run(self, context: Context[RunBackup]) -> Outcome:
        return _unknown(context) or Outcome(output=f"would back up {context.parameters.backup}")

    def run(self, context: Context[RunBackup]) -> Outcome:
        return _unknown(context) or agent_command.run(
            context, "backup", "--name", context.parameters.backup, "--json"
        )


def _unknown(context: Context[RunBackup]) -> Outcome | None:
    known = [plan.name for plan in context.config.backups]
    return agent_command.named("backup", context.parameters.backup, known, "[[backup]]")
