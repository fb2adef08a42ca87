"""The log goes where somebody reads it, stays small, and holds nothing that must not be in it."""

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from agent.masking.personal import luhn
from agent.masking.secret import MASK, mask
from agent.runtime import logs
from protocols.wire.snapshot import encode_key

ROOT = Path(__file__).resolve().parents[3]
CODE = "7K3QX-M2RTB"
CARD = "4111 1111 1111 1111"


def raw_key() -> str:
    """As the agent keeps it, and of one and the same length always."""
    key = Ed25519PrivateKey.generate()
    return encode_key(key.public_key())


def pem() -> str:
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    root = logging.getLogger()
    level = root.level
    logs.begin(tmp_path, "info")
    yield tmp_path
    logs.end()
    root.setLevel(level)


def lines(folder: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in (folder / logs.FILE).read_text("utf-8").splitlines()]


KEY = raw_key()
SECRETS = {
    f"key {KEY} made": KEY,
    f"key='{KEY}='": KEY,
    f"the code {CODE} was used": CODE,
    f"--code {CODE.lower()}.{'abcdefgh' * 6}": CODE.lower(),
    f"paid with {CARD}!": CARD,
    "PAN=5555555555554444;": "5555555555554444",
    '{"password": "kaķis 1"}': "kaķis",
    "sftp://till:s3cr3t@host/backups": "s3cr3t",
    "Authorization: Bearer abc.def": "abc.def",
    "token=abcdef&x=1": "abcdef",
}


@pytest.mark.parametrize(("text", "secret"), SECRETS.items(), ids=map(str, range(len(SECRETS))))
def test_a_secret_is_masked(text: str, secret: str) -> None:
    assert secret in text
    masked = mask(text)
    assert MASK in masked
    assert secret not in masked


def test_a_private_key_is_masked_even_if_it_is_cut_off() -> None:
    whole = pem()
    assert mask(f"before {whole} after") == f"before {MASK}\n after"
    assert mask(f"before {whole[:80]}") == f"before {MASK}"


@pytest.mark.parametrize(
    "text",
    [
        "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0 does not answer",
        "epoch 1764111600123, complete to 41",
        "terminal 11111111-2222-3333-4444-555555555555",
        "snapshot 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "the collector cannot take it now (503) (uplink.http_503); everything is kept",
        "printer number 4111111111111112 of the maker",  # no sum of Luhn
        "config.invalid: agent.toml: device[kitchen].baud: is missing",
        "2026-11-25T22:16:13.123456+00:00",
        "APSCH-start",
    ],
)
def test_what_is_no_secret_stays_readable(text: str) -> None:
    assert mask(text) == text


@given(st.text(max_size=300))
def test_no_text_is_too_odd_to_be_masked(text: str) -> None:
    assert isinstance(mask(text), str)


@given(st.lists(st.integers(0, 9), min_size=11, max_size=17))
def test_every_card_number_is_seen(digits: list[int]) -> None:
    number = [4, *digits]
    number += [next(d for d in range(10) if luhn([*number, d]))]
    text = "".join(map(str, number))
    assert mask(f"card {text}.") == f"card {MASK}."


def test_no_secret_reaches_the_file_by_any_way(folder: Path) -> None:
    log = logging.getLogger("agent.trial")
    secret = raw_key()
    log.warning("as an argument: %s", secret)
    try:
        raise ValueError(f"as an error: {CARD}")
    except ValueError:
        log.exception("with code %s", CODE)

    def ends() -> None:
        raise ValueError(f"in a thread: {secret}")

    thread = threading.Thread(target=ends, name="trial")
    thread.start()
    thread.join()
    told = (folder / logs.FILE).read_text("utf-8")
    assert not [part for part in (secret, CARD, CODE) if part in told]
    assert told.count(MASK) == 4
    first, second, third = lines(folder)
    assert (first["level"], first["logger"], first["message"]) == (
        "warning",
        "agent.trial",
        f"as an argument: {MASK}",
    )
    assert "ValueError" in second["error"]
    assert (third["level"], third["message"]) == ("critical", "the thread trial has ended")


def test_the_file_stays_small_and_what_is_newest_is_kept(tmp_path: Path) -> None:
    handler = logs.BoundedFile(tmp_path / "a.log", size=2000, older=2)
    for number in range(300):
        handler.emit(logging.LogRecord("a", logging.INFO, "", 0, f"line {number}", None, None))
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["a.log", "a.log.1", "a.log.2"]
    assert all(file.stat().st_size <= 2000 for file in files)
    assert files[0].stat().st_mode & 0o777 == 0o600
    kept = [json.loads(line)["message"] for file in reversed(files) for line in file.read_text().splitlines()]
    assert kept == [f"line {number}" for number in range(300 - len(kept), 300)]


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    logs.BoundedFile(tmp_path / "not there" / "a.log").emit(
        logging.LogRecord("a", logging.INFO, "", 0, "%d", ("no number",), None)
    )


PROGRAM = """
import logging, os, sys
from pathlib import Path
from agent.runtime import logs
if sys.argv[2] == "journal":
    told = os.fstat(2)
    os.environ["JOURNAL_STREAM"] = f"{told.st_dev}:{told.st_ino}"
else:
    os.environ["JOURNAL_STREAM"] = "1:2"
logs.begin(Path(sys.argv[1]), "info")
logging.getLogger("a").error("one\\ntwo")
logging.getLogger("a").info("three")
logging.getLogger("a").debug("four")
"""


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("journal", "<3>ERROR a: one\n<3>two\n<6>INFO a: three\n"),
        ("elsewhere", "ERROR a: one\ntwo\nINFO a: three\n"),
    ],
)
def test_journald_is_told_how_bad_each_line_is(tmp_path: Path, where: str, expected: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path), where],
        capture_output=True, text=True, check=True, timeout=60, cwd=ROOT,
    )  # fmt: skip
    assert done.stderr == expected
