"""A terminal is told the terminals of its own site, and nobody else is told anything."""

import json

import requests

from collector.core import clock
from protocols.wire import signing
from protocols.wire.relay import PATH_NEIGHBOURS, Neighbours, public_keys
from tests.collector.served import Served, Till


def ask(till: Till) -> requests.Response:
    nonce = f"neighbours{clock.monotonic()}"
    created = int(clock.now().timestamp())
    headers = signing.sign(till.key, "GET", PATH_NEIGHBOURS, b"", keyid=till.id, created=created, nonce=nonce)
    return till.session.get(till.served.url + PATH_NEIGHBOURS, headers=headers, timeout=30)


def test_the_terminals_of_the_site_with_their_keys(served: Served) -> None:
    one, two = served.terminal(), served.terminal()
    found = Neighbours.model_validate_json(ask(one).content)
    known = {n.terminal: n.public_key for n in found.neighbours}
    assert known[one.id] == one.public
    assert known[two.id] == two.public
    assert public_keys(found)[two.id].public_bytes_raw() == two.key.public_key().public_bytes_raw()


def test_nobody_of_another_site(served: Served) -> None:
    one = served.terminal()
    code = json.loads(served.cli("enrol-code", "--customer", "A", "--site", "B", "--json"))["code"]
    other = Till(served)
    assert other.enrol(code.partition(".")[0]).ok
    assert one.id not in [n.terminal for n in Neighbours.model_validate_json(ask(other).content).neighbours]


def test_one_that_is_not_believed_any_more_is_in_nobodys_list(served: Served) -> None:
    asks = served.terminal()
    for column in ("retired_at", "waits_since", "quarantined_at"):
        gone = served.terminal()
        assert gone.id in ask(asks).text
        change = f"UPDATE inventory_terminal SET {column} = ? WHERE id = ? RETURNING id"
        assert served.rows(change, clock.now().isoformat(), gone.id) == [(gone.id,)]
        assert gone.id not in ask(asks).text


def test_unsigned(served: Served) -> None:
    answer = requests.get(served.url + PATH_NEIGHBOURS, verify=served.authority, timeout=30)
    assert (answer.status_code, answer.json()["code"]) == (401, "signature.missing")
