"""Ends an emulator when its process is told to."""

import signal

_SIGNALS = {signal.SIGTERM, signal.SIGINT}
LOOKS_S = 0.02
"""How often a control port looks whether it is to end. Each start of an emulator pays half of this; http.server's own
half a second made a fifth of a minute of every forty emulators."""


def hold() -> None:
    """Before any thread is started: the two signals wait until `wait` asks for them."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)


def wait() -> None:
    """Until one of them has come. A handler that set an event could meet the event's lock held by the thread
    that it interrupts."""
    signal.sigwait(_SIGNALS)
