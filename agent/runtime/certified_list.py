"""Fetches the list of certified versions now and then, and leaves it where the probe of the programs looks."""

import logging
from pathlib import Path

from pydantic import ValidationError

from agent.clock import Clock
from agent.system.certified import FILE
from agent.uplink.client import Client
from protocols.errors import CollectorUnreachable, ReportRefused
from protocols.wire.certified import PATH_CERTIFIED, CertifiedPrograms

EVERY_S = 3600.0

log = logging.getLogger(__name__)


class CertifiedList:
    """For the sender's thread. The list that lies there stays where no new one is to be had: a till without a line is
    judged by the last one."""

    def __init__(self, state_dir: Path, clock: Clock) -> None:
        self._file = state_dir / FILE
        self._clock = clock
        self._asked_s: float | None = None

    def heard(self, client: Client) -> None:
        """After a receipt: the collector listens."""
        now_s = self._clock.monotonic()
        if self._asked_s is not None and now_s - self._asked_s < EVERY_S:
            return
        self._asked_s = now_s
        try:
            body = client.send("GET", PATH_CERTIFIED, b"", content_type="application/json").body
            self._keep(CertifiedPrograms.model_validate_json(body, extra="ignore"))
        except (CollectorUnreachable, ReportRefused) as e:
            log.warning("the list of certified versions is not to be had: %s (%s)", e, e.code)
        except ValidationError as e:
            log.warning("the list of certified versions cannot be read: %s", e)
        except OSError as e:
            log.warning("the list of certified versions cannot be kept: %s", e)

    def _keep(self, told: CertifiedPrograms) -> None:
        text = told.model_dump_json(exclude={"version"})
        if self._file.exists() and self._file.read_text("utf-8") == text:
            return
        part = self._file.with_suffix(".part")
        part.write_text(text, "utf-8")
        part.replace(self._file)
