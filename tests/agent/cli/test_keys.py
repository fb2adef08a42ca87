"""For whom a configured backup is locked. The collector's wish counts where the till's own file says so, and nowhere
else."""

from pathlib import Path

import pytest
from pydantic import JsonValue

from agent.backup.key import PUBLIC_MARK, SECRET_MARK, RecoverySecret, encode
from agent.cli.keys import recipients
from agent.config import Backup, Config, kept, load
from agent.config.desired import lay
from agent.config.kept import Kept
from agent.config.reader import tables_in
from protocols.errors import ConfigError
from protocols.wire import v1
from protocols.wire.desired import digest_of

RECOVERY, CUSTOMER, VERIFY, OTHER = (RecoverySecret(bytes([n]) * 32) for n in range(1, 5))
TERMINAL = "till-1"


def line(secret: RecoverySecret) -> str:
    return encode(PUBLIC_MARK, secret.public.raw)


class Place:
    def __init__(self, root: Path) -> None:
        self.root, self.file = root, root / "agent.toml"
        for name, secret in (("recovery", RECOVERY), ("customer", CUSTOMER), ("own", OTHER)):
            (root / f"{name}.pub").write_text(line(secret) + "\n")

    def ids(self, *keys: str, collector: str = "", agent: str = "") -> set[str]:
        """`keys` are lines of the backup's table."""
        self.write(*keys, collector=collector, agent=agent)
        own = load(self.file)
        return {one.id for one in recipients(own.backups[0], self.file, own)}

    def write(self, *keys: str, collector: str = "", agent: str = "") -> None:
        table = "\n".join(keys)
        self.file.write_text(
            f'[agent]\nstate_dir = "{self.root}"\n{agent}\n[collector]\nurl = "https://c.example"\n{collector}\n'
            f'[[backup]]\nname = "pos"\nengine = "sqlite"\nsource = "x.db"\nat = "03:30"\n'
            f'recovery_key = "{self.root}/recovery.pub"\n{table}\n'
        )

    def wish(self, secret: RecoverySecret) -> None:
        tables: dict[str, JsonValue] = {"collector": {"verify_public": line(secret)}}
        digest = digest_of({"collector": {"verify_public": line(secret)}})
        kept.write(
            self.root, Kept(good=v1.Desired(terminal=TERMINAL, number=1, digest=digest, tables=tables))
        )


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_the_wished_key_counts_only_where_the_file_asks_for_it(place: Place) -> None:
    place.wish(VERIFY)
    asked = 'verify_key = "collector"'
    assert place.ids(asked) == {RECOVERY.public.id, VERIFY.public.id}
    assert place.ids() == {RECOVERY.public.id}
    assert place.ids(f'verify_key = "{place.root}/own.pub"') == {RECOVERY.public.id, OTHER.public.id}
    customer = f'customer_key = "{place.root}/customer.pub"'
    assert place.ids(customer, asked) == {RECOVERY.public.id, CUSTOMER.public.id, VERIFY.public.id}


def test_without_a_wish_the_backup_is_made_all_the_same(place: Place) -> None:
    assert place.ids('verify_key = "collector"') == {RECOVERY.public.id}


def test_a_key_that_is_named_twice_is_one_slot(place: Place) -> None:
    place.wish(RECOVERY)
    place.write('verify_key = "collector"')
    own = load(place.file)
    assert len(recipients(own.backups[0], place.file, own)) == 1


def test_a_key_in_the_tills_file_holds_where_the_file_marks_it(place: Place) -> None:
    place.wish(VERIFY)
    here = f'verify_public = "{line(OTHER)}"'
    marks = 'local = ["collector.verify_public"]'
    asked = 'verify_key = "collector"'
    assert place.ids(asked, collector=here, agent=marks) == {RECOVERY.public.id, OTHER.public.id}
    assert place.ids(asked, collector=here) == {RECOVERY.public.id, VERIFY.public.id}


@pytest.mark.parametrize(
    "text",
    [
        "rubbish",
        encode(SECRET_MARK, VERIFY.raw),
        line(VERIFY)[:-1],
        line(VERIFY)[:-1] + "A",
        line(VERIFY) + "\n",
    ],
)
def test_a_wish_that_is_no_public_key_is_refused_whole(place: Place, text: str) -> None:
    place.write()
    with pytest.raises(ConfigError) as refused:
        lay(tables_in(place.file), {"collector": {"verify_public": text}}, "the collector")
    assert refused.value.key == "collector.verify_public"


def test_a_collector_cannot_make_a_till_ask_for_its_key(place: Place) -> None:
    place.write()
    wished = {"backup": [{"name": "pos", "verify_key": "collector"}]}
    with pytest.raises(ConfigError) as refused:
        lay(tables_in(place.file), wished, "the collector")
    assert refused.value.code == "config.wall"


def test_a_file_that_is_called_collector_is_named_with_its_folder(place: Place) -> None:
    place.write('verify_key = "./collector"')
    plan: Backup = load(place.file).backups[0]
    assert plan.verify_key == Path("./collector")
    assert isinstance(load(place.file), Config)
