"""Database work in threads that keep their connection for as long as they live."""

from collections.abc import Callable
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection

T = TypeVar("T")


def on_kept_connection(job: Callable[[], T]) -> T:
    """What `job` returns. Where the connection broke meanwhile (a restarted server) it is made anew and the
    job runs once more, so the job must be a whole transaction."""
    try:
        return job()
    except (OperationalError, InterfaceError):
        connection.close()
        return job()
