"""What runs beside the pages in one process: the door with its writer, and the ticker with its duties."""

from django.conf import settings

from collector.core.authority import CA_CERT
from collector.core.ticker import Duty, Ticker
from collector.incidents import ticks
from collector.ingest.app import Door
from collector.ingest.receipts import Signer
from collector.ingest.refusals import Refusals
from collector.ingest.writer import Writer

DUTIES: tuple[Duty, ...] = (ticks.resolve_due, ticks.judge_silence)


class Running:
    """`start` and `stop` are called on the event loop that serves."""

    def __init__(self) -> None:
        refusals = Refusals()
        self._refusals = refusals
        tls = settings.CONFIG.path(settings.CONFIG.tls_dir)
        self._writer = Writer(Signer(tls))
        self._ticker = Ticker((*DUTIES, refusals.flush))
        self.door = Door(self._writer, refusals, tls / CA_CERT)

    def start(self) -> None:
        self._writer.start()
        self._ticker.start()

    def stop(self) -> None:
        """Every report that was taken in is stored and answered first."""
        self._writer.stop()
        self._ticker.stop()
        self.door.close()
