"""A customer with a contact person, and the mail servers of both sides."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from collector.inventory.models import ContactPerson, Terminal
from collector.requests import codes
from tests.collector.requests import imap
from tests.collector.requests.imap import ImapServer
from tests.collector.web import world

ADDRESS = "palidziba@serviss.lv"


@pytest.fixture(autouse=True)
def _anew() -> None:
    codes.forget()


@pytest.fixture
def till(db: None) -> Terminal:
    return world.till()


@pytest.fixture
def anna(till: Terminal) -> ContactPerson:
    return ContactPerson.objects.create(
        customer=till.site.customer, name="Anna Liepa", email="anna@karote.lv", approves_paid_work=True
    )


@pytest.fixture(scope="session")
def imap_server() -> Iterator[ImapServer]:
    """Under a short name that its own account may enter."""
    folder = Path(tempfile.mkdtemp(prefix="plomba-imap-"))
    os.chmod(folder, 0o755)  # noqa: PTH101 - so says the test that the folder is for others
    with imap.serving(folder) as server:
        yield server


@pytest.fixture
def box(imap_server: ImapServer, settings: Any, tmp_path: Path) -> ImapServer:
    """An empty mailbox, and a collector that is configured to fetch from it."""
    imap_server.forget()
    (tmp_path / "mailbox.password").write_text(imap.PASSWORD + "\n")
    given = settings.CONFIG
    mailbox = given.mailbox.model_copy(
        update={
            "host": "localhost",
            "port": imap_server.port,
            "user": imap.USER,
            "password_file": tmp_path / "mailbox.password",
            "address": ADDRESS,
            "ca_file": imap.authority_of(imap_server),
        }
    )
    settings.CONFIG = given.model_copy(update={"mailbox": mailbox})
    return imap_server
