"""A collector that ends itself at the n-th step of a change of a key: each write, the moment before the commit, and the
one after it. TORN_STEP is n; with TORN_CARELESS=1 there is no transaction around, which is the control."""

import os
import sys
from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from collector import cli
from protocols.wire import v1

KILLED = 9


class Steps:
    def __init__(self, last: int) -> None:
        self.last, self.done = last, 0

    def count(self) -> None:
        self.done += 1
        if self.done == self.last:
            os._exit(KILLED)

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith(("INSERT", "UPDATE", "DELETE")):
            self.count()
        return execute(sql, params, many, context)


def spoil() -> None:
    from django.db import connection  # noqa: PLC0415 - after Django's start

    from collector.ingest import rekeying  # noqa: PLC0415

    whole, switch = rekeying.rekey, rekeying._switch
    steps = Steps(int(os.environ["TORN_STEP"]))
    if os.environ.get("TORN_CARELESS"):
        rekeying.transaction = SimpleNamespace(atomic=nullcontext)  # type: ignore[assignment]

    def torn_switch(*arguments: Any) -> None:
        with connection.execute_wrapper(steps):
            switch(*arguments)
        steps.count()

    def torn(terminal: str, body: bytes, now: datetime) -> v1.Rekeyed:
        answer = whole(terminal, body, now)
        steps.count()
        return answer

    rekeying._switch, rekeying.rekey = torn_switch, torn


if __name__ == "__main__":
    start = cli._start_django

    def start_spoilt() -> None:
        start()
        spoil()

    cli._start_django = start_spoilt
    sys.exit(cli.main())
