"""Which class a message is of, and on which lane it goes. The contract of each class is in docs/queue.md."""

from enum import IntEnum

from protocols.wire import v1


class Class(IntEnum):
    """In the order in which they give way when there is no room or no traffic left: the highest first."""

    INCIDENT = 0
    JOURNAL = 1
    STATE = 2
    SAMPLE = 3

    @property
    def lane(self) -> v1.Lane:
        return v1.Lane.ORDERED if self <= Class.JOURNAL else v1.Lane.LOOSE


_BY_KIND = {
    "event": Class.INCIDENT,
    "backup": Class.INCIDENT,
    "drill": Class.INCIDENT,
    "state": Class.STATE,
    "inventory": Class.STATE,
    "sample": Class.SAMPLE,
}


def class_of(message: v1.AnyMessage) -> Class:
    """A kind that is not named here belongs to the journal, which is never dropped."""
    return _BY_KIND.get(message.kind, Class.JOURNAL)
