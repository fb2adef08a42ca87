"""The engine over the database: the same scenarios through events, reports and ticks end as they do in memory."""

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from collector.core import clock
from collector.incidents import kept_rules, ticks
from collector.incidents.apply import follow
from collector.incidents.book import known_of
from collector.incidents.engine.facts import Happening, Key
from collector.incidents.models import Incident
from collector.incidents.watch_models import RuleChange
from collector.inventory.maintenance_models import Maintenance
from collector.inventory.models import Customer, Device, Site, Terminal
from collector.settings import CONFIG
from protocols.wire.v1 import Change
from tests.collector.incidents import scenario
from tests.collector.incidents.scenario import Scenario, Step, steps

pytestmark = pytest.mark.django_db
MOST_STEPS = 60
"""Longer stories are played in memory alone."""
LOOKS = 50
EVERY = 1 if os.environ.get("PLOMBA_ALL_SCENARIOS") else 4
"""Every so many of the scenarios is enough for each run of the tests."""


class Moved:
    def __init__(self) -> None:
        self.at = datetime.fromisoformat("2026-05-04T09:00:00+00:00")

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    def wait(self, event: Any, timeout_s: float) -> bool:
        return bool(event.is_set())


@pytest.fixture
def moved() -> Iterator[Moved]:
    stopped = Moved()
    with clock.use(stopped):
        yield stopped


class Kept:
    """A scenario in the database. Looks only at the moments at which something is due, and at each step."""

    def __init__(self, one: Scenario, moved: Moved) -> None:
        self.one, self.moved = one, moved
        self.world = scenario.World(one)
        self.quiet: set[str] = set()
        customer = Customer.objects.create(name="SIA Zaļā karote")
        for row in scenario.shop_rows(one):
            areas = {kind: row.get(kind, "") for kind in ("provider", "region")}
            site = Site.objects.create(
                pk=row["id"],
                customer=customer,
                name=f"Veikals {row['id']}",
                hours=row.get("hours", {}),
                **areas,
            )
            for till in self.world.tills[site.pk]:
                Terminal.objects.create(
                    pk=till, site=site, name=till, public_key=till, enrolled_at=self.world.start
                )
        for row in one.get("windows", []):
            self._window(row)
        for rule, values in one.get("rules", {}).items():
            RuleChange.objects.create(rule=rule, values=values, at=self.world.start)

    def _window(self, row: dict[str, Any]) -> None:
        found = scenario.window(row)
        fields: dict[str, Any] = {
            "begins_at": found.begins_at,
            "ends_at": found.ends_at,
            "days": list(found.days),
        }
        if found.days:
            fields |= {"begin": row["begin"], "end": row["end"]}
        if found.device:
            fields["device"], _made = Device.objects.get_or_create(
                terminal_id=row["of"], name=found.device, defaults={"first_seen_at": self.world.start}
            )
        elif "/" in row["of"]:
            fields["terminal_id"] = row["of"]
        else:
            fields["site_id"] = int(row["of"])
        Maintenance.objects.create(reason="works", made_at=self.world.start, **fields)

    def run(self) -> list[str]:
        tick_s = self.world.tick_s if self.world.until < 1500 else self.world.until / LOOKS
        waiting, s = steps(self.one), 0.0
        while s <= self.world.until:
            self.moved.at = self.world.at(s)
            while waiting and waiting[0].at <= s:
                self._do(waiting.pop(0))
            self._hear()
            for duty in (ticks.resolve_due, ticks.judge_silence, ticks.rejudge, ticks.calm_storms):
                duty(self.moved.at)
            s += tick_s
        return self._lines()

    def _do(self, step: Step) -> None:
        at = self.world.at(step.at)
        if step.verb in ("raised", "cleared"):
            subject, code = step.rest
            key = Key(scenario.kind_of(code, subject), subject, code)
            follow(step.where, Happening(key=key, change=Change(step.verb), at=at, since=at), self.moved.at)
        elif step.verb == "receipt":
            Terminal.objects.filter(site=int(step.where)).update(receipt_at=at)
        elif step.verb == "resolve":
            Incident.objects.filter(terminal=None, code=step.rest[0]).update(state="resolved")
        else:
            self._contact(step, at)

    def _contact(self, step: Step, at: datetime) -> None:
        names = self.world._named(step.where)
        tills = Terminal.objects.filter(pk__in=names)
        if step.verb == "heard":
            self.quiet -= set(names)
            tills.update(stopped_at=None)
            return
        self.quiet |= set(names)
        tills.update(last_seen_at=at)
        if step.verb == "stops":
            tills.update(stopped_at=at)

    def _hear(self) -> None:
        heard = Terminal.objects.exclude(pk__in=self.quiet)
        heard.update(last_seen_at=self.moved.at)
        ticks.heard(list(heard.values_list("pk", flat=True)), self.moved.at)

    def _lines(self) -> list[str]:
        rows = list(Incident.objects.select_related("cause"))
        names = {row.pk: scenario.name_of(known_of(row).spot) for row in rows}
        rows.sort(key=lambda row: (names[row.pk], row.opened_at))
        return [self._line(row, names) for row in rows]

    def _line(self, row: Incident, names: dict[int, str]) -> str:
        text = f"{names[row.pk]}: {scenario.state_of(known_of(row))} {row.severity}"
        text += f" x{row.count}" if row.count > 1 else ""
        if row.cause_id is not None:
            return f"{text} ({row.suppressed_why}: {names[row.cause_id]})"
        return f"{text} ({row.suppressed_why})" if row.suppressed_why else text


def short(one: Scenario) -> bool:
    shops = one.get("many", {}).get("shops", 1)
    return "incidents" in one["then"] and len(steps(one)) <= MOST_STEPS and shops <= 10


@pytest.fixture(autouse=True)
def _figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those by which the scenarios are written."""
    hold_s = CONFIG.hold_s.model_copy(update=scenario.HOLD_S)
    limit_s = scenario.LIMIT.total_seconds()
    changed = CONFIG.model_copy(update={"hold_s": hold_s, "silent_after_s": limit_s})
    monkeypatch.setattr("django.conf.settings.CONFIG", changed)
    monkeypatch.setattr(kept_rules, "_kept", None)


@pytest.mark.parametrize(
    "one", [one for one in scenario.scenarios() if short(one)][::EVERY], ids=lambda one: str(one["name"])
)
def test_it_ends_as_in_memory(one: Scenario, moved: Moved) -> None:
    assert Kept(one, moved).run() == one["then"]["incidents"]


def test_what_is_due_is_asked_again_after_a_restart(moved: Moved) -> None:
    """Nothing of it is in the process: another one sees the same rows."""
    one = next(
        o for o in scenario.scenarios() if o["name"] == "maintenance that ends during a fault opens then"
    )
    kept = Kept(one, moved)
    kept._do(steps(one)[0])
    assert not Incident.objects.exists()
    moved.at += timedelta(hours=1, seconds=1)
    assert ticks.resolve_due(moved.at) == 1
    assert Incident.objects.get().opened_at == kept.world.at(3600)
