"""Ends the agent when the service manager or a person asks for it."""

import signal
from _thread import start_new_thread
from threading import Event


def stop_on_signal(stop: Event) -> None:
    """Set `stop` on SIGTERM and SIGINT, from a thread of its own: the handler runs in the main thread, which may
    hold the event's lock just then, and would wait for itself for ever."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: start_new_thread(stop.set, ()) and None)
