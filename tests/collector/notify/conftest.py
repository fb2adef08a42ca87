"""The other sides, started once, and a configuration that names them."""

from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from collector.core import authority
from tests.collector.notify.servers import PASSWORD, USER, HttpServer, MailServer, serving


@pytest.fixture(scope="session")
def other_sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, MailServer, HttpServer]]:
    folder = tmp_path_factory.mktemp("other-sides")
    with serving(folder) as (mail, http):
        yield folder, mail, http


@pytest.fixture
def mail(other_sides: tuple[Path, MailServer, HttpServer]) -> MailServer:
    other_sides[1].forget()
    return other_sides[1]


@pytest.fixture
def http(other_sides: tuple[Path, MailServer, HttpServer]) -> HttpServer:
    other_sides[2].forget()
    return other_sides[2]


class Configured:
    """The collector's configuration, of which a test may change keys of a section."""

    def __init__(self, given: Any) -> None:
        self._given = given

    def change(self, section: str, **keys: object) -> None:
        before = self._given.CONFIG
        changed = getattr(before, section).model_copy(update=keys)
        self._given.CONFIG = before.model_copy(update={section: changed})


@pytest.fixture
def configured(other_sides: tuple[Path, MailServer, HttpServer], tmp_path: Path, settings: Any) -> Configured:
    """Mail, SMS and web hooks go to the servers of the tests, which their authority vouches for."""
    folder, mail, http = other_sides
    (tmp_path / "mail.password").write_text(PASSWORD + "\n")
    (tmp_path / "sms.secret").write_text("noslepums\n")
    settings.CONFIG = settings.CONFIG.model_copy(update={"home": tmp_path})
    found = Configured(settings)
    found.change(
        "mail", host="localhost", port=mail.port, user=USER, sender="Plomba <plomba@example.lv>",
        ca_file=folder / authority.CA_CERT, timeout_s=20,
    )  # fmt: skip
    found.change("sms", gateway="json", url=f"{http.url}/sms", user="plomba", sender="Plomba")
    found.change(
        "notify", allow=(ip_network("127.0.0.0/8"), ip_network("::1/128")), ca_file=folder / authority.CA_CERT
    )
    return found
