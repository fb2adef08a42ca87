"""Updates of the agent itself are not made yet: the job says so."""

from agent.jobs.work import Context, Exit, Outcome
from protocols.wire.job import Update

CODE = "job.update_not_available"


class Updating:
    def describe(self, parameters: Update) -> str:
        return f"update the agent to {parameters.version}"

    def dry_run(self, context: Context[Update]) -> Outcome:
        return self.run(context)

    def run(self, context: Context[Update]) -> Outcome:
        said = f"this agent cannot update itself yet; install {context.parameters.version} by its package"
        return Outcome(Exit.REFUSED, CODE, said)
