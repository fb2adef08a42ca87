"""Asks the till's devices now, as the poller asks them, and says what they say."""

from datetime import datetime

from agent.jobs.work import Context, Exit, Outcome, Scalar, Seen
from protocols.wire.job import ReadStateNow
from protocols.wire.v1 import Contact


class Reading:
    def describe(self, parameters: ReadStateNow) -> str:
        return f"read the state of {parameters.device or 'all devices'}"

    def dry_run(self, context: Context[ReadStateNow]) -> Outcome:
        wanted = _wanted(context)
        if not wanted:
            return _nothing(context)
        return Outcome(output=f"would ask: {', '.join(wanted)}", evidence={"devices": len(wanted)})

    def run(self, context: Context[ReadStateNow]) -> Outcome:
        wanted = _wanted(context)
        if not wanted:
            return _nothing(context)
        lines: list[str] = []
        evidence: dict[str, Scalar] = {}
        missed = 0
        for name in wanted:
            seen = context.till.look(name, context.stop)
            missed += seen is None
            lines.append(_line(name, seen))
            evidence |= _evidence(name, seen)
        answer = Outcome(output="\n".join(lines), evidence=evidence)
        if not missed:
            return answer
        return Outcome(Exit.LATER, "job.not_looked", answer.output, answer.evidence)


def _wanted(context: Context[ReadStateNow]) -> tuple[str, ...]:
    known, one = context.till.devices(), context.parameters.device
    return known if not one else tuple(name for name in known if name == one)


def _nothing(context: Context[ReadStateNow]) -> Outcome:
    known = ", ".join(context.till.devices()) or "none"
    return Outcome(
        Exit.WRONG, "job.no_such_device", f"no device {context.parameters.device!r}; this till has: {known}"
    )


def _line(name: str, seen: Seen | None) -> str:
    if seen is None:
        return f"{name}: unknown, it was not asked in time"
    if seen.contact is not Contact.OK:
        return f"{name}: {seen.contact.value}, {seen.reason}"
    known = {key: value for key, value in seen.state.as_dict().items() if value is not None}
    return f"{name}: " + ", ".join(f"{key} {_word(value)}" for key, value in known.items())


def _evidence(name: str, seen: Seen | None) -> dict[str, Scalar]:
    if seen is None:
        return {f"{name}.contact": Contact.UNKNOWN.value}
    found: dict[str, Scalar] = {f"{name}.contact": seen.contact.value, f"{name}.at": seen.at.isoformat()}
    for key, value in seen.state.as_dict().items():
        if value is not None:
            found[f"{name}.{key}"] = value.isoformat() if isinstance(value, datetime) else value
    return found


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
