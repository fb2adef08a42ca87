"""A collector that answers before it commits: the control of the kill test."""

import sys
from collections.abc import Sequence
from threading import Event

from collector import cli
from collector.core import clock
from protocols.wire import v1


def spoil() -> None:
    from collector.ingest.writer import Delivery, Outcome, Writer  # noqa: PLC0415 - after Django's start

    careful = Writer.commit

    def commit(self: Writer, group: Sequence[Delivery]) -> list[Outcome]:
        self.answer(group, [_receipt(delivery) for delivery in group])
        Event().wait(0.1)
        return careful(self, group)

    Writer.commit = commit  # type: ignore[method-assign]


def _receipt(delivery: "Delivery") -> v1.Receipt:  # type: ignore[name-defined]  # noqa: F821
    report = delivery.parsed.report
    return v1.Receipt(epoch=report.epoch, complete_to=report.messages[-1].seq, server_time=clock.now())


if __name__ == "__main__":
    start = cli._start_django

    def start_spoilt() -> None:
        start()
        spoil()

    cli._start_django = start_spoilt
    sys.exit(cli.main())
