"""Reads the configuration again. A wrong one is refused and the agent goes on with what it has; with a good one it
begins anew, since everything is wired from the configuration."""

from agent.config import Config, load
from agent.jobs.work import Context, Exit, Outcome
from protocols.errors import ConfigError
from protocols.wire.job import ReloadConfiguration


class Reload:
    def describe(self, parameters: ReloadConfiguration) -> str:  # noqa: ARG002 - it has none
        return "read the configuration again"

    def dry_run(self, context: Context[ReloadConfiguration]) -> Outcome:
        return _looked(context)[1]

    def run(self, context: Context[ReloadConfiguration]) -> Outcome:
        changed, outcome = _looked(context)
        if changed:
            context.till.begin_anew()
        return outcome


def _looked(context: Context[ReloadConfiguration]) -> tuple[bool, Outcome]:
    try:
        found = load(context.config_file)
    except ConfigError as e:
        return False, Outcome(Exit.WRONG, e.code, f"{e}; the agent goes on with what it has")
    changed = _changed(context.config, found)
    if not changed:
        return False, Outcome(output="nothing has changed", evidence={"changed": 0})
    said = f"the agent begins anew with a changed {', '.join(changed)}"
    return True, Outcome(output=said, evidence={"changed": len(changed)})


def _changed(before: Config, now: Config) -> list[str]:
    return [name for name in Config.model_fields if getattr(before, name) != getattr(now, name)]
