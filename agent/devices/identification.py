"""Whether the device on a port is still the one that was there before."""

from protocols.status.model import Identity

SETTLES_S = 3600.0
"""So long a swapped device is reported as another one; then it is the till's device."""


class Identification:
    """Compares what each identification says with the device that the till is known to have. A difference
    counts once two identifications in a row agree on it: some identity replies carry no checksum."""

    def __init__(self, known: Identity | None = None) -> None:
        self.known = known or Identity()
        self._other: Identity | None = None
        self._since_s: float | None = None

    @property
    def changed(self) -> bool:
        return self._since_s is not None

    @property
    def doubtful(self) -> bool:
        """One identification differed: ask again at the next poll."""
        return self._other is not None and self._since_s is None

    def saw(self, identity: Identity, at_s: float) -> None:
        """`at_s`: monotonic seconds."""
        if _same(self.known, identity):
            self.known = self.known.updated(identity)
            self._other = self._since_s = None
        elif self._other is None or not _same(self._other, identity):
            self._other, self._since_s = identity, None
        elif self._since_s is None:
            self._since_s = at_s
        elif at_s - self._since_s >= SETTLES_S:
            self.known, self._other, self._since_s = identity, None, None


def _same(one: Identity, other: Identity) -> bool:
    """What either does not say is no difference."""
    pairs = ((one.maker, other.maker), (one.model, other.model), (one.serial, other.serial))
    return all(not a or not b or a == b for a, b in pairs)
