"""Whether the till sells just now, by a fresh look at its fiscal devices. Not knowing is not a yes."""

from threading import Event

from agent.jobs.work import Seen, Till
from protocols.errors import JobError
from protocols.wire.job import Refuse
from protocols.wire.v1 import Contact

_NOT_FISCAL = frozenset({"escpos", "star_line", "posiflex_hid", "signal_drawer", "windows_spooler"})
"""Families without a receipt or a shift of their own. Any other, a new one too, counts as fiscal."""


def must_be(till: Till, refuse: Refuse, stop: Event) -> None:
    """JobError: job.receipt_open, job.shift_open, job.state_unknown; each may be otherwise later."""
    if refuse is Refuse.NEVER:
        return
    for name in till.devices():
        known = till.seen(name)
        if known is None or known.family not in _NOT_FISCAL:
            _judge(name, till.look(name, stop), refuse)


def _judge(name: str, seen: Seen | None, refuse: Refuse) -> None:
    if seen is None or seen.contact is not Contact.OK:
        why = "it was not asked in time" if seen is None else seen.reason
        raise _unknown(name, why)
    if seen.family in _NOT_FISCAL:
        return
    state = seen.state
    if state.receipt_open:
        raise JobError(f"a receipt is open at {name}", code="job.receipt_open", retriable=True)
    if refuse is Refuse.SHIFT and state.day_open:
        raise JobError(f"the shift is open at {name}", code="job.shift_open", retriable=True)
    if state.receipt_open is None:
        raise _unknown(name, "it does not say whether a receipt is open")
    if refuse is Refuse.SHIFT and state.day_open is None:
        raise _unknown(name, "it does not say whether the shift is open")


def _unknown(name: str, why: str) -> JobError:
    return JobError(f"the state of {name} is not known: {why}", code="job.state_unknown", retriable=True)
