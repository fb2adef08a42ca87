"""The store that packs may go straight to: the till's own file names it, and the wish no more than its authority."""

import json
from pathlib import Path

import pytest
from pydantic import JsonValue

from agent.backup.repository.storage import Storage
from agent.cli.storage import store_of
from agent.config import kept, load
from agent.config.desired import WALL, lay
from agent.config.kept import Kept
from agent.config.reader import tables_in
from agent.runtime.clock import SystemClock
from collector.core.authority import CA_CERT, make_authority
from protocols.errors import ConfigError
from protocols.wire import v1
from protocols.wire.desired import digest_of
from tests.agent.cli.test_keys import TERMINAL, Place

URL = "https://s3.example"


def wish(root: Path, **words: JsonValue) -> None:
    tables: dict[str, JsonValue] = {"collector": dict(words)}
    desired = v1.Desired(
        terminal=TERMINAL, number=1, digest=digest_of({"collector": dict(words)}), tables=tables
    )
    kept.write(root, Kept(good=desired))


def authority(folder: Path) -> str:
    """Of a store, as PEM."""
    folder.mkdir()
    make_authority(folder, folder.name, SystemClock().now())
    return (folder / CA_CERT).read_text()


def told(place: Place, *lines: str) -> Storage | None:
    place.write(collector="\n".join(lines))
    return store_of(place.file, load(place.file))


def test_the_file_names_the_store_and_the_wish_its_authority(tmp_path: Path) -> None:
    place, one, other = Place(tmp_path), authority(tmp_path / "one"), authority(tmp_path / "other")
    line = f'storage_url = "{URL}/"'
    assert told(place, line) == Storage(URL)
    wish(tmp_path, storage_ca=one)
    assert told(place) is None
    assert told(place, line) == Storage(URL, one)
    place.write(
        collector=f"{line}\nstorage_ca = {json.dumps(other)}", agent='local = ["collector.storage_ca"]'
    )
    assert store_of(place.file, load(place.file)) == Storage(URL, other)


def test_what_is_no_address_of_a_store_is_refused(tmp_path: Path) -> None:
    for wrong in ("http://s3.example", "https://s3.example/bucket", "https://user@s3.example", "s3.example"):
        with pytest.raises(ConfigError) as refused:
            told(Place(tmp_path), f'storage_url = "{wrong}"')
        assert refused.value.key == "collector.storage_url"


@pytest.mark.parametrize(
    ("word", "value", "code"),
    [
        ("storage_url", URL, WALL),
        ("storage_ca", "not a certificate", None),
        ("storage_ca", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", None),
    ],
)
def test_a_wish_that_may_not_be_is_refused(
    tmp_path: Path, word: str, value: JsonValue, code: str | None
) -> None:
    place = Place(tmp_path)
    place.write()
    with pytest.raises(ConfigError) as refused:
        lay(tables_in(place.file), {"collector": {word: value}}, "the collector")
    assert refused.value.key == f"collector.{word}"
    if code:
        assert refused.value.code == code
