"""The short time in which the device answers the agent: which bytes are the answer, and when it is over.
Moves no bytes itself. Standard library only."""

from agent.ports.tap_wire import Rule

LONGEST_NS = 100_000_000
"""No cash program waits for less: the fastest repeats after half a second."""
OWED_NS = 500_000_000
"""An answer that comes so long after the lease is still the agent's, and nobody else gets it."""


class Lease:
    """`owner`: the agent's connection, by number; -1 when it has gone."""

    def __init__(self, number: int, owner: int, rule: Rule, end_ns: int) -> None:
        self.number = number
        self.owner = owner
        self.end_ns = end_ns
        self._rule = rule
        self._begun = self.answered = False

    def take(self, data: bytes) -> tuple[bytes, bytes]:
        """The bytes that are the answer, and those that are the cash program's, each in their order."""
        ours, theirs = bytearray(), bytearray()
        for byte in data:
            if self.answered or not (self._begun or byte & self._rule.mask == self._rule.value):
                theirs.append(byte)
                continue
            self._begun = True
            ours.append(byte)
            self.answered = self._rule.until in (-1, byte)
        return bytes(ours), bytes(theirs)
