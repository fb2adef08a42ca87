"""Opens the cash drawer once, for a person who stands beside it: one pulse on one pin, never a second one."""

from agent.jobs.work import Context, Exit, Outcome, Scalar
from protocols.wire.job import DrawerTest


class Drawer:
    def describe(self, parameters: DrawerTest) -> str:
        return f"one pulse on {parameters.what} of {parameters.device}"

    def dry_run(self, context: Context[DrawerTest]) -> Outcome:
        wanted = context.parameters
        if wanted.device not in context.till.devices():
            return _nothing(context)
        seen = context.till.look(wanted.device, context.stop)
        state = "is not known" if seen is None else f"is {seen.contact.value}"
        return Outcome(output=f"would give one pulse on {wanted.what}; the state of {wanted.device} {state}")

    def run(self, context: Context[DrawerTest]) -> Outcome:
        wanted = context.parameters
        if wanted.device not in context.till.devices():
            return _nothing(context)
        found = context.till.pulse(wanted.device, wanted.what, context.stop)
        evidence: dict[str, Scalar] = {
            "sensor_high_before": found.sensor_before,
            "sensor_high_after": found.sensor_after,
            "open_after": found.open_after,
        }
        words = {
            True: "the drawer is open now",
            False: "the drawer did not open",
            None: "whether it opened is not known",
        }
        said = f"one pulse was given on {wanted.what}; {words[found.open_after]}"
        if found.problem:
            said += f": {found.problem}"
        if found.open_after is False:
            return Outcome(Exit.FAILED, "job.drawer_shut", said, evidence)
        return Outcome(output=said, evidence=evidence)


def _nothing(context: Context[DrawerTest]) -> Outcome:
    known = ", ".join(context.till.devices()) or "none"
    said = f"no device {context.parameters.device!r}; this till has: {known}"
    return Outcome(Exit.WRONG, "job.no_such_device", said)
