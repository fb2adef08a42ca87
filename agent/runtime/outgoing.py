"""What the watching jobs want told: urgent things are on the disk and on their way at once, figures wait in
memory for one write a minute."""

from collections.abc import Callable, Mapping, Sequence
from threading import Lock

from agent.spool import Class, Gap, Json, Spool, SpoolError, gap_fact
from protocols.wire import v1

SAMPLES_KEPT = 1000
"""More figures than this are not kept in memory while the disk takes nothing; the oldest go."""


class Outgoing:
    """Any thread may call."""

    def __init__(self, spool: Spool, wake: Callable[[], None]) -> None:
        self._spool = spool
        self._wake = wake
        self._lock = Lock()
        self._samples: list[v1.Sample] = []
        self._state: dict[str, Json] = {}
        self._gap: Gap | None = None

    def tell(self, messages: Sequence[v1.AnyMessage], state: Mapping[str, Json] | None = None) -> None:
        """On the disk when it returns, together with the state values; then the sender is woken."""
        self._spool.put_all(messages, state)
        if messages:
            self._wake()

    def later(self, samples: Sequence[v1.Sample], state: Mapping[str, Json] | None = None) -> None:
        """With the next `flush`; a power cut before it loses them."""
        with self._lock:
            self._keep([*self._samples, *samples])
            self._state.update(state or {})

    def flush(self) -> None:
        """One transaction for everything that waits, with a word about what found no room. What the disk does not take
        waits on."""
        with self._lock:
            samples, state, gap = self._samples, self._state, self._gap
            self._samples, self._state, self._gap = [], {}, None
        if not samples and not state:
            return
        word = [gap_fact(gap, samples[-1].at)] if gap and samples else []
        try:
            self._spool.put_all([*samples, *word], state)
        except SpoolError:
            with self._lock:
                self._keep([*samples, *self._samples])
                self._gap = gap.with_other(self._gap) if gap else self._gap
                self._state = {**state, **self._state}
            raise

    def _keep(self, samples: list[v1.Sample]) -> None:
        over = max(len(samples) - SAMPLES_KEPT, 0)
        self._samples = samples[over:]
        if over:
            at = [sample.at.isoformat() for sample in samples[:over]]
            self._gap = Gap(Class.SAMPLE, over, min(at), max(at)).with_other(self._gap)
