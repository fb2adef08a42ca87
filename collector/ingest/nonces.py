"""Which signed requests were here within the window of their time stamps. In memory only: after a restart a
request of the last minutes could come again, and is then harmless because messages are stored once per
(terminal, epoch, seq)."""

from protocols.wire.signing import WINDOW_S

BUCKET_S = 60
MOST = 1_000_000
"""Beyond it the oldest minute is forgotten early."""


class Nonces:
    """Not for several threads."""

    def __init__(self, most: int = MOST) -> None:
        self._buckets: dict[int, set[int]] = {}
        self._most = most

    def is_new(self, keyid: str, nonce: str, created: int, now_s: float) -> bool:
        """Remember it; False where it was here before. `created` must be within the window of `now_s`."""
        self._forget(now_s)
        bucket = self._buckets.setdefault(created // BUCKET_S, set())
        mark = hash((keyid, nonce, created))
        if mark in bucket:
            return False
        bucket.add(mark)
        return True

    def _forget(self, now_s: float) -> None:
        for minute in [m for m in self._buckets if (m + 1) * BUCKET_S + WINDOW_S < now_s]:
            del self._buckets[minute]
        while len(self._buckets) > 1 and sum(map(len, self._buckets.values())) >= self._most:
            del self._buckets[min(self._buckets)]
