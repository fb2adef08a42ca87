"""Brings a set back: into a file of its own, or in the place of the live one. The key that opens it is not at the till,
where it does not belong: a person brings it on a stick, in the file that `[jobs] drill_key` names. The collector hands
out another till's set only while a job that operators have signed says so."""

from agent.config import Backup
from agent.jobs import agent_command
from agent.jobs.work import Context, Exit, Outcome, P
from protocols.wire.job import Restore, RestoreFile, RestoreOver


class ToFile:
    def describe(self, parameters: RestoreFile) -> str:
        return f"restore {_what(parameters)} into a file"

    def dry_run(self, context: Context[RestoreFile]) -> Outcome:
        hindered = no_key(context)
        return hindered or Outcome(output=f"would restore {_what(context.parameters)} to {_file(context)}")

    def run(self, context: Context[RestoreFile]) -> Outcome:
        return no_key(context) or _run(context, context.parameters, "--to", _file(context))


class Over:
    def describe(self, parameters: RestoreOver) -> str:
        return f"restore {_what(parameters)} over the live {parameters.backup}"

    def dry_run(self, context: Context[RestoreOver]) -> Outcome:
        name = context.parameters.backup
        hindered = _not_allowed(context) or no_key(context)
        return hindered or Outcome(output=f"would restore {_what(context.parameters)} over the live {name}")

    def run(self, context: Context[RestoreOver]) -> Outcome:
        hindered = _not_allowed(context) or no_key(context)
        return hindered or _run(context, context.parameters, "--over", context.parameters.backup)


def no_key(context: Context[P]) -> Outcome | None:
    """What to say where nobody has brought the key; None where it is there."""
    key = context.config.jobs.drill_key
    if key is not None and key.is_file():
        return None
    why = "the key that opens backups is not at this till, where it does not belong; bring it on a stick"
    return Outcome(Exit.REFUSED, "job.no_recovery_key", f"{why} and name its file in [jobs] drill_key")


def _not_allowed(context: Context[RestoreOver]) -> Outcome | None:
    name = context.parameters.backup
    plans = [plan.name for plan in context.config.backups]
    unknown = agent_command.named("backup", name, plans, "[[backup]]")
    if unknown or name in context.config.jobs.restore_over:
        return unknown
    why = f"[jobs] restore_over does not name {name}, so no job restores over it"
    return Outcome(Exit.REFUSED, "job.restore_not_allowed", why)


def _run(context: Context[P], parameters: Restore, *target: str) -> Outcome:
    plan = next((one for one in context.config.backups if one.name == parameters.backup), None)
    where = _where(parameters, plan)
    allowed = [word for column in (plan.erasable if plan else ()) for word in ("--erasable", column)]
    key = str(context.config.jobs.drill_key)
    what = ["--snapshot", parameters.snapshot, "--recovery-key", key, *allowed]
    return agent_command.run(context, "restore", *where, *what, *target, "--json")


def _where(parameters: Restore, plan: Backup | None) -> list[str]:
    """Another till's sets lie at the collector; one's own where its backup is made to."""
    if parameters.of:
        return ["--repository", "collector", "--of", parameters.of]
    if plan is None:
        return ["--repository", "collector"]
    sftp = ["--sftp-key", str(plan.sftp_key)] if plan.sftp_key else []
    sftp += ["--sftp-host-key", plan.sftp_host_key] if plan.sftp_host_key else []
    return ["--repository", plan.repository, *sftp]


def _file(context: Context[RestoreFile]) -> str:
    """In the agent's own folder, which only it and an administrator can read."""
    parameters = context.parameters
    folder = context.config.agent.state_dir / "restored"
    return str(folder / f"{parameters.backup}-{parameters.snapshot[:12]}")


def _what(parameters: Restore) -> str:
    whose = f" of {parameters.of}" if parameters.of else ""
    return f"{parameters.backup}{whose}, set {parameters.snapshot[:12]}"
