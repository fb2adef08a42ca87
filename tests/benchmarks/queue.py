"""What the work queue costs with ten thousand incidents open: its pages as a technician asks for them, and working out
the clocks of all of them. SQLite, in this process, without the network. python -m tests.benchmarks.queue [OPEN]"""

import os
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from time import perf_counter

from tests.benchmarks.figure import Figure

OPEN = 10_000
ROUNDS = 8
BAR_MS = 300.0
CODES = (
    "printer.paper_end",
    "printer.cover_open",
    "drawer.open_too_long",
    "host.disk_low",
    "device.no_reply",
)
PAGES = (
    "/incidents/",
    "/incidents/?page=100",
    "/incidents/?page=200",
    "/incidents/?sort=severity",
    "/incidents/?sort=newest&show=all",
    "/incidents/?mine=1&priority=2",
    "/incidents/?late=1",
    "/incidents/?q=veikals 77",
    "/incidents/?show=waiting",
)
"""And the page of one incident, and the first page."""


def main(open_: int = OPEN) -> int:
    with TemporaryDirectory() as home:
        os.environ |= {"PLOMBA_COLLECTOR_HOME": home, "DJANGO_SETTINGS_MODULE": "collector.settings"}
        import django  # noqa: PLC0415 - after the home is known

        django.setup()
        return _measure(Path(home), open_)


def _measure(home: Path, open_: int) -> int:
    from django.core.management import call_command  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415

    from collector.core import clock  # noqa: PLC0415
    from collector.core import home as made  # noqa: PLC0415
    from collector.core.models import User  # noqa: PLC0415
    from collector.incidents import wakes  # noqa: PLC0415
    from collector.incidents.models import Incident  # noqa: PLC0415
    from collector.settings import CONFIG  # noqa: PLC0415

    made.make_authority(CONFIG, clock.now())
    call_command("migrate", verbosity=0)
    fill(open_)
    began = perf_counter()
    while wakes.renew_changed(clock.now()):
        pass
    renewed_s = perf_counter() - began
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(User.objects.create(username="anna", role="technician"))
    one = f"/incidents/{Incident.objects.order_by('id').values_list('pk', flat=True)[open_ // 2]}/"
    figures = [Figure("queue", "renew_per_s", open_ / renewed_s, "1/s")]
    for page in (*PAGES, one, "/"):
        figures.append(
            Figure("queue", f"p95_ms {page}", p95(lambda page=page: _get(client, page)), "ms", BAR_MS)
        )
    met = [figure.tell(open=open_) for figure in figures]
    return 0 if all(met) else 1


def _get(client: object, page: str) -> None:
    answer = client.get(page, secure=True)  # type: ignore[attr-defined]
    assert answer.status_code == 200, (page, answer.status_code)


def p95(what: Callable[[], None]) -> float:
    """In milliseconds; the first time is not counted."""
    what()
    took = []
    for _ in range(ROUNDS):
        began = perf_counter()
        what()
        took.append((perf_counter() - began) * 1000)
    return quantiles(took, n=20, method="inclusive")[-1]


def fill(open_: int) -> None:
    """Ten tills a shop, a contract for everybody, each incident with three steps."""
    from collector.core import clock  # noqa: PLC0415
    from collector.incidents import contracts  # noqa: PLC0415
    from collector.incidents.models import Incident, Transition  # noqa: PLC0415
    from collector.inventory.models import Customer, Site, Terminal  # noqa: PLC0415

    now = clock.now()
    targets = [{"metric": "tto", "minutes": 60}, {"metric": "ttr", "minutes": 480}]
    contracts.make(
        contracts.Draft(name="Visiem", valid_from=(now - timedelta(days=9)).date(), targets=targets), now
    )
    customers = Customer.objects.bulk_create(Customer(name=f"SIA {n}") for n in range(50))
    shops = max(1, open_ // len(CODES) // 10)
    hours = {day: [["08:00", "22:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat")}
    sites = Site.objects.bulk_create(
        Site(customer=customers[n % 50], name=f"Veikals {n}", city="Rīga", hours=hours) for n in range(shops)
    )
    tills = Terminal.objects.bulk_create(
        Terminal(site=sites[n // 10], name=f"Kase {n % 10}", public_key=f"k{n}", enrolled_at=now)
        for n in range(shops * 10)
    )
    made = Incident.objects.bulk_create(
        [
            Incident(
                terminal=tills[n // len(CODES)],
                site=tills[n // len(CODES)].site,
                subject_kind="device",
                code=CODES[n % len(CODES)],
                severity=("error", "warning")[n % 2],
                rule="device",
                since=now - timedelta(minutes=n % 3000),
                opened_at=now - timedelta(minutes=n % 3000),
                last_seen_at=now,
            )
            for n in range(open_)
        ],
        batch_size=500,
    )
    rows = [
        Transition(incident=one, kind=kind, at=one.opened_at, recorded_at=one.opened_at, to_state="new")
        for one in made
        for kind in ("opened", "queued", "repeated")
    ]
    Transition.objects.bulk_create(rows, batch_size=500)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else OPEN))
