"""What the updater believes, with real signatures and a package that dpkg-deb made; and what a job hands over to it."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from agent.config import Config, updating
from agent.config.reader import checked
from agent.jobs import update as update_job
from agent.jobs.registry import WORKS
from agent.runtime.update_watch import UpdateProbe
from agent.runtime.updating import NONCE, PACKAGE, WANTED, OrderRefused, take
from protocols.errors import PlombaError
from protocols.wire.job import Type
from protocols.wire.package import Order
from tests.agent.jobs.till import Workplace
from tests.conftest import missing
from tests.office import NOW, Office, Person, job_of

VERSION = "2.3.4"


class Shop:
    """A till's state folder with an order in it. `wrong` changes one thing about it."""

    def __init__(self, folder: Path, package: Path) -> None:
        self.folder, self.office = folder, Office()
        self.state, self.into = folder / "state", folder / "work"
        self.into.mkdir()
        (self.state / updating.FOLDER).mkdir(parents=True)
        (self.state / "identity.json").write_text(json.dumps({"terminal": self.office.terminal}))
        self.sha256 = hashlib.sha256(package.read_bytes()).hexdigest()
        self.package = updating.package_in(self.state, self.sha256)
        shutil.copy(package, self.package)

    @property
    def config(self) -> Config:
        tables: dict[str, Any] = {"collector": {"url": "https://c"}, "agent": {"state_dir": str(self.state)}}
        return checked("test", {**tables, "jobs": {"company_root": self.office.root_key}})

    def order(self, *people: Person, version: str = VERSION, sha256: str = "", **changes: Any) -> str:
        """The nonce."""
        office = self.office
        wanted = {"type": "update", "version": version, "sha256": sha256 or self.sha256}
        signed = office.signed(office.job(wanted, **changes), *(people or (office.anna, office.janis)))
        self.leave(Order(job=signed, operators=office.operators()).model_dump_json())
        return job_of(signed).nonce

    def leave(self, text: str) -> None:
        updating.order_in(self.state).write_text(text)

    def take(self, done: frozenset[str] = frozenset(), after: timedelta = timedelta(0)) -> None:
        take(self.config, self.into, done, NOW + after)


def built(
    folder: Path, name: str = "plomba-agent", version: str = VERSION, architecture: str = "all"
) -> Path:
    tree = folder / f"{name}-{version}-{architecture}"
    (tree / "DEBIAN").mkdir(parents=True)
    fields = f"Package: {name}\nVersion: {version}\nArchitecture: {architecture}\n"
    (tree / "DEBIAN/control").write_text(
        f"{fields}Maintainer: Plomba <plomba@localhost>\nDescription: empty\n"
    )
    command = ["dpkg-deb", "--root-owner-group", "-Zzstd", "--build", tree, f"{tree}.deb"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return Path(f"{tree}.deb")


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    if not shutil.which("dpkg-deb"):
        missing("dpkg-deb")
    return Shop(tmp_path, built(tmp_path))


def test_a_signed_order_gives_the_package_to_the_updater(shop: Shop) -> None:
    nonce = shop.order()
    shop.take()
    assert (shop.into / PACKAGE).read_bytes() == shop.package.read_bytes()
    assert ((shop.into / WANTED).read_text(), (shop.into / NONCE).read_text()) == (VERSION, nonce)


WRONG: dict[str, Callable[[Shop], object]] = {
    "job.signatures_missing": lambda shop: shop.order(shop.office.anna),
    "job.unknown_operator": lambda shop: shop.order(shop.office.anna, Person("Else")),
    "job.wrong_target": lambda shop: shop.order(target="till-2"),
    "is not the one that was signed": lambda shop: shop.order() and shop.package.write_bytes(b"other"),
    "and not plomba-agent 9.9.9": lambda shop: shop.order(version="9.9.9"),
    "cannot be read": lambda shop: shop.leave("{}"),
    "is no file": lambda shop: os.mkfifo(updating.order_in(shop.state)),
    "symbolic links": lambda shop: updating.order_in(shop.state).symlink_to("/etc/passwd"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_an_order_that_does_not_hold_gives_nothing(shop: Shop, wrong: str) -> None:
    WRONG[wrong](shop)
    with pytest.raises(PlombaError) as told:
        shop.take()
    assert wrong in f"{told.value} ({told.value.code})"
    assert not (shop.into / WANTED).exists()


def test_another_package_or_computer_is_refused(shop: Shop, tmp_path: Path) -> None:
    for made, why in (
        (built(tmp_path, name="other"), "the package is other"),
        (built(tmp_path, architecture="m68k"), "is for m68k"),
    ):
        sha256 = hashlib.sha256(made.read_bytes()).hexdigest()
        shutil.copy(made, updating.package_in(shop.state, sha256))
        shop.order(sha256=sha256)
        with pytest.raises(OrderRefused, match=why):
            shop.take()


def test_an_order_is_good_once_and_for_its_time(shop: Shop) -> None:
    nonce = shop.order()
    with pytest.raises(OrderRefused, match="before"):
        shop.take(frozenset({nonce}))
    with pytest.raises(PlombaError, match="expired"):
        shop.take(after=timedelta(hours=1))
    shop.take()


def test_a_job_of_another_type_is_no_order(shop: Shop) -> None:
    signed = shop.office.signed(shop.office.job({"type": "reload_configuration"}))
    shop.leave(Order(job=signed, operators=shop.office.operators()).model_dump_json())
    with pytest.raises(OrderRefused, match="no order to update"):
        shop.take()


class Job:
    """The job on a till whose updater is this test. `fetches`: whether the agent's own command gets the package."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, *, fetches: bool = True) -> None:
        self.place = Workplace(folder, Office(), works={**WORKS})
        (folder / updating.FOLDER).mkdir()
        self.told = folder / "told.json"
        command = (sys.executable, "-c", f"print('no line'); raise SystemExit({0 if fetches else 75})")
        monkeypatch.setattr(self.place.runner, "_agent", command)
        monkeypatch.setattr(updating, "UPDATER", Path(__file__))
        monkeypatch.setattr(updating, "TOLD", self.told)
        self.order = updating.order_in(folder)

    def run(self) -> tuple[int, str, str]:
        office = self.place.office
        wanted = {"type": "update", "version": VERSION, "sha256": "0" * 64}
        [result] = self.place.take(office.offer(office.signed(office.job(wanted), office.anna, office.janis)))
        return result.exit, result.code, result.output

    def updater(self, result: str, reason: str, wanted: str = VERSION) -> Thread:
        """Waits for the order, checks that it holds what was signed, tells, and takes it away."""

        def act() -> None:
            pause = Event()
            while not self.order.exists():
                pause.wait(0.005)
            order = Order.model_validate_json(self.order.read_text())
            assert job_of(order.job).type is Type.UPDATE
            self.told.write_text(json.dumps({"result": result, "reason": reason, "wanted": wanted}))
            self.order.unlink()

        thread = Thread(target=act, daemon=True)
        thread.start()
        return thread


@pytest.mark.parametrize(
    ("told", "exit_", "code"),
    [("updated", 0, ""), ("refused", 3, "job.update_refused"), ("undone", 1, "job.update_undone")],
)
def test_a_job_tells_what_the_updater_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str, exit_: int, code: str
) -> None:
    job = Job(tmp_path, monkeypatch)
    thread = job.updater(told, "why")
    assert job.run()[:2] == (exit_, code)
    thread.join(10)
    assert not thread.is_alive()


def test_an_order_that_went_with_another_update_is_no_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Job(tmp_path, monkeypatch)
    thread = job.updater("updated", "", wanted="2.0.0")
    assert job.run()[:2] == (75, "job.updater_busy")
    thread.join(10)


def test_a_job_that_gets_no_package_orders_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job(tmp_path, monkeypatch, fetches=False)
    assert job.run() == (75, "job.command_failed", "no line\n")
    assert not job.order.exists()


def test_an_updater_that_does_not_begin_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(update_job, "WAITS", timedelta(0))
    job = Job(tmp_path, monkeypatch)
    assert job.run()[:2] == (1, "job.updater_silent")
    assert not job.order.exists()


def test_where_there_is_no_updater_nothing_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Job(tmp_path, monkeypatch)
    monkeypatch.setattr(updating, "UPDATER", tmp_path / "none")
    assert job.run()[:2] == (3, "job.update_not_available")


@pytest.mark.parametrize(
    ("result", "running", "stands"),
    [
        ("undone", "1.0.0", True),
        ("refused", "1.0.0", True),
        ("undone", VERSION, False),
        ("updated", VERSION, False),
    ],
)
def test_a_failed_update_stands_until_the_version_runs(
    tmp_path: Path, result: str, running: str, *, stands: bool
) -> None:
    file = tmp_path / "told.json"
    file.write_text(json.dumps({"result": result, "reason": "why", "wanted": VERSION}))
    [condition] = UpdateProbe(running, lambda: updating.read_told(file)).measure().conditions
    assert (condition.code, condition.value) == ("agent.update_failed", float(stands))
    assert ("why" in condition.reason) is stands


@pytest.mark.parametrize("text", [None, "", "[]", '{"result": "undone"}'])
def test_an_unreadable_word_is_none(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "told.json"
    if text is not None:
        file.write_text(text)
    assert updating.read_told(file) is None
    [condition] = UpdateProbe("1.0.0", lambda: updating.read_told(file)).measure().conditions
    assert condition.value == 0
