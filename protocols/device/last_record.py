"""When the last Z report was, where a device tells its day and, apart from it, the time of its last record."""

from dataclasses import replace

from protocols.status.model import DeviceState


def with_record(state: DeviceState, newer: DeviceState) -> DeviceState:
    """`state` with what `newer` knows. Of two times of one day the finer holds; a record of a later day is not that
    of the report, for a fiscal memory also keeps other records."""
    one, other = state.last_z_time, newer.last_z_time
    if one and other:
        same_day = one.date() == other.date()
        newer = replace(newer, last_z_time=max(one, other) if same_day else min(one, other))
    return state.updated(newer)
