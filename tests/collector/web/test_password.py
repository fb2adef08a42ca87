"""Signing in as somebody who should not be able to: guessing, foreign pages, a session given beforehand."""

from collections.abc import Iterator

import pytest
from django.test import Client

from collector.web import password
from tests.collector.still import StillClock
from tests.collector.web import world

pytestmark = pytest.mark.django_db
API = "/api/v1/session"


@pytest.fixture(autouse=True)
def _nobody_failed_before() -> Iterator[None]:
    password.forget()
    yield
    password.forget()


def at_page(name: str, word: str, address: str = "192.0.2.1") -> int:
    answer = Client().post("/sign-in", {"username": name, "password": word}, REMOTE_ADDR=address)
    return answer.status_code


def at_api(name: str, word: str, address: str = "192.0.2.1") -> int:
    body = {"username": name, "password": word}
    return Client().post(API, body, content_type="application/json", REMOTE_ADDR=address).status_code


def test_guessing_ends_at_the_page_and_at_the_api(still: StillClock) -> None:
    name = world.person("technician").username
    codes = [at_page(name, "guess") for _ in range(password.NAME_FAILURES + 1)]
    assert codes == [422] * (password.NAME_FAILURES - 1) + [429, 429]
    assert at_page(name.upper(), world.PASSWORD) == 429, "the right one would tell"
    assert at_api(name, world.PASSWORD) == 429
    assert at_api(name, world.PASSWORD, "192.0.2.2") == 200, "a colleague elsewhere is not shut out"
    assert at_api(world.person("reader").username, world.PASSWORD) == 200
    still.seconds += password.WINDOW_S + 1
    assert at_page(name, world.PASSWORD) == 302


def test_the_wait_is_told(still: StillClock) -> None:
    for _ in range(password.NAME_FAILURES):
        at_page("somebody", "guess")
    page = Client(headers={"Accept-Language": "en"}).post(
        "/sign-in", {"username": "somebody", "password": "x"}, REMOTE_ADDR="192.0.2.1"
    )
    assert int(page.headers["Retry-After"]) == password.WINDOW_S + 1
    assert "try again in 11 minutes" in page.content.decode()
    told = Client().post(
        API,
        {"username": "somebody", "password": "x"},
        content_type="application/json",
        REMOTE_ADDR="192.0.2.1",
    )
    assert told.json()["code"] == "api.too_many"
    assert int(told.headers["Retry-After"]) == password.WINDOW_S + 1


def test_a_success_forgives(still: StillClock) -> None:
    name = world.person("reader").username
    for _ in range(3):
        for _ in range(password.NAME_FAILURES - 1):
            assert at_api(name, "guess") == 401
        assert at_api(name, world.PASSWORD) == 200


def test_many_names_from_one_address_end_too(still: StillClock) -> None:
    codes = [at_api(f"name{n}", "guess") for n in range(password.ADDRESS_FAILURES + 1)]
    assert codes == [401] * password.ADDRESS_FAILURES + [429]


def test_a_foreign_page_cannot_sign_anybody_in() -> None:
    name = world.person("reader").username
    body = f'{{"username": "{name}", "password": "{world.PASSWORD}"}}'
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = Client().post(API, body, content_type=kind)
        assert (answer.status_code, answer.json()["code"]) == (415, "api.content_type")


def test_a_session_from_before_is_not_the_session_after() -> None:
    name = world.person("reader").username
    client = Client()
    client.session.save()
    given = "planted" * 4
    client.cookies["plomba_session"] = given
    client.post("/sign-in", {"username": name, "password": world.PASSWORD})
    assert client.cookies["plomba_session"].value not in ("", given)


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_nobody_is_sent_elsewhere_after_signing_in(target: str) -> None:
    name = world.person("reader").username
    sent = {"username": name, "password": world.PASSWORD, "next": target}
    assert Client().post("/sign-in", sent).headers["Location"] == "/"
    assert Client().post("/language", {"language": "en", "next": target}).headers["Location"] == "/"


@pytest.mark.parametrize("page", ["/", "/devices/", "/people/", "/api/v1/devices", "/api/v1/session"])
def test_data_stays_out_of_caches(page: str) -> None:
    assert "no-store" in world.signed_in("manager").get(page).headers["Cache-Control"]
    assert "no-store" in Client().get(page).headers["Cache-Control"]


def test_another_host_is_refused() -> None:
    assert Client().get("/", headers={"Host": "evil.example"}).status_code == 400
