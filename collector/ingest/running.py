"""What runs beside the pages in one process: the door with its writer, and the ticker with its duties."""

from django.conf import settings

from collector.backups import duty, keeping, proof_overdue
from collector.backups.drilling import Driller
from collector.core.authority import CA_CERT
from collector.core.ticker import Duty, Ticker, stop_all
from collector.incidents import ticks, wakes
from collector.ingest.app import Door
from collector.ingest.receipts import Signer
from collector.ingest.refusals import Refusals
from collector.ingest.writer import Writer
from collector.notices import giving
from collector.notify import courier, telling
from collector.notify.channels.registry import CHANNELS
from collector.reports import making
from collector.requests import escalating, mailbox
from collector.requests import ticks as requests
from collector.service import duties as desk

DUTIES: tuple[Duty, ...] = (
    ticks.resolve_due,
    ticks.judge_silence,
    ticks.rejudge,
    ticks.calm_storms,
    *wakes.DUTIES,
    telling.tell,
    *requests.CALLS,
    courier.forget_old,
    giving.remind_due,
    giving.Newcomers(),
    making.make_due,
)


def couriers() -> list[Ticker]:
    """A thread for each channel: they wait for servers of others, and hold up nobody else."""
    return [Ticker((courier.Courier(channel),)) for channel in CHANNELS]


def postman() -> Ticker:
    """A thread of its own: it waits for the server where mail lies."""
    return Ticker((mailbox.fetch,), settings.CONFIG.mailbox.every_s)


def housekeeper() -> Ticker:
    """A thread of its own: it reads every backup once a day."""
    return Ticker((keeping.keep_house,), 3600)


class Running:
    """`start` and `stop` are called on the event loop that serves."""

    def __init__(self) -> None:
        refusals = Refusals()
        self._refusals = refusals
        tls = settings.CONFIG.path(settings.CONFIG.tls_dir)
        self._writer = Writer(Signer(tls))
        self._driller = Driller()
        self._tickers = [
            Ticker((*DUTIES, refusals.flush)),
            Ticker((*desk.DUTIES, escalating.escalate)),
            Ticker(requests.DUTIES, 10),
            postman(),
            housekeeper(),
            Ticker((duty.judge_all, proof_overdue.judge_all), 300),
            Ticker((self._driller,), 10),
            *couriers(),
        ]
        self.door = Door(self._writer, refusals, tls / CA_CERT)

    def start(self) -> None:
        self._writer.start()
        for ticker in self._tickers:
            ticker.start()

    def stop(self) -> None:
        """Every report that was taken in is stored and answered first."""
        self._writer.stop()
        stop_all(self._tickers)
        self._driller.abandon()
        self.door.close()
