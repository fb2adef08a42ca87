"""What terminals are told of the certified list: only versions of which a file is named can be seen on a till."""

from datetime import datetime, time

from collector.inventory.models import Terminal
from collector.service import rota
from collector.service.change_models import CertifiedVersion
from protocols.wire.certified import PROGRAMS, CertifiedProgram, CertifiedPrograms

ZONE = "Europe/Riga"
"""The authority's wall clock."""


def document(_terminal: Terminal, _body: bytes, now: datetime) -> bytes:
    """Of every version that is on the list today. Those that were withdrawn are not: a till that still runs one has a
    version that is not certified."""
    rows = CertifiedVersion.objects.exclude(file="")
    holding = [row for row in rows if _holds(row, now)][:PROGRAMS]
    told = tuple(
        CertifiedProgram(name=row.file, version=row.file_version or row.version, sha256=row.sha256)
        for row in holding
    )
    return CertifiedPrograms(programs=told).model_dump_json().encode()


def _holds(row: CertifiedVersion, now: datetime) -> bool:
    begun = row.registered_on is None or rota.moment(row.registered_on, time(0), ZONE) <= now
    return begun and (row.withdrawn_on is None or now < rota.moment(row.withdrawn_on, time(0), ZONE))
