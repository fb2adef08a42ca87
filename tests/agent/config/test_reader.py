"""Every way in which a configuration may be wrong is one line that names file, key and what is allowed."""

from datetime import time, timedelta
from pathlib import Path

import pytest

from agent.config import default_path, load
from protocols.errors import ConfigError

EXAMPLE = Path(__file__).parents[3] / "config" / "agent.example.toml"

HEAD = '[collector]\nurl = "https://c.example"\n'
DEVICE = HEAD + '[[device]]\nid = "kitchen"\nfamily = "escpos"\nport = "/dev/ttyUSB0"\n'
BACKUP = HEAD + '[[backup]]\nname = "pos"\nengine = "sqlite"\nsource = "a.db"\nrecovery_key = "k.pub"\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "agent.toml"
    path.write_text(text, "utf-8")
    return path


def test_the_example_is_right_and_names_every_key() -> None:
    config = load(EXAMPLE)
    assert [device.family for device in config.devices] == ["escpos", "datecs_isl_legacy"]
    text = EXAMPLE.read_text("utf-8")
    for table in (config.agent, config.collector, config.host, config.devices[0], config.backups[0]):
        missing = [key for key in type(table).model_fields if f"{key} = " not in text]
        assert not missing, f"{type(table).__name__}: {missing}"


def test_the_commented_keys_of_the_example_show_the_defaults(tmp_path: Path) -> None:
    """Every commented key of [host] and of [[device]], taken as it stands, changes nothing."""
    shown = [line[2:] for line in EXAMPLE.read_text("utf-8").splitlines() if line.startswith("# poll_s")]
    plain = load(written(tmp_path, DEVICE))
    assert load(written(tmp_path, DEVICE + "\n".join(shown))) == plain
    host = EXAMPLE.read_text("utf-8").partition("[host]")[2].partition("[[backup]]")[0]
    keys = [line[2:] for line in host.splitlines() if " = " in line]
    assert len(keys) == 10
    assert load(written(tmp_path, DEVICE + "[host]\n" + "\n".join(keys))) == plain


def test_what_is_not_said_has_a_default(tmp_path: Path) -> None:
    config = load(written(tmp_path, DEVICE))
    assert config.devices[0].poll_s == 5.0
    assert config.devices[0].drawer_open_when is None
    assert config.collector.report_s == 10.0
    assert config.agent.language == "lv"


def test_whole_numbers_pass_for_seconds_and_texts_for_paths(tmp_path: Path) -> None:
    config = load(written(tmp_path, '[agent]\nstate_dir = "/srv/p"\n' + DEVICE + "poll_s = 2\n"))
    assert config.devices[0].poll_s == 2.0
    assert config.agent.state_dir == Path("/srv/p")


@pytest.mark.parametrize(
    ("line", "every", "at"),
    [
        ('every = "30m"', timedelta(minutes=30), None),
        ('every = "1d"', timedelta(days=1), None),
        ('at = "03:30"', None, time(3, 30)),
    ],
)
def test_the_rhythm_of_a_backup(tmp_path: Path, line: str, every: timedelta | None, at: time | None) -> None:
    backup = load(written(tmp_path, BACKUP + line)).backups[0]
    assert (backup.every, backup.at) == (every, at)


WRONG = [
    (
        DEVICE + "pol_s = 2\n",
        "device[kitchen].pol_s: unknown key, did you mean 'poll_s'?; allowed: id, family",
    ),
    (HEAD + "[hosts]\n", "hosts: unknown key, did you mean 'host'?; allowed: agent, collector, host, device"),
    ("[collector]\n", "collector.url: is missing"),
    (
        HEAD.replace("https", "http"),
        "collector.url: 'http://c.example' is no collector address; allowed: https",
    ),
    (
        DEVICE.replace('"escpos"', '"escpoz"'),
        "device[kitchen].family: unknown family 'escpoz', did you mean 'escpos'",
    ),
    (
        DEVICE.replace("/dev/ttyUSB0", "ttyUSB0"),
        "device[kitchen].port: 'ttyUSB0' is no port address; allowed: /dev/",
    ),
    (
        DEVICE.replace("/dev/ttyUSB0", "socket://h:70000"),
        "device[kitchen].port: 'socket://h:70000' is no port",
    ),
    (
        DEVICE + "poll_s = 0.4\n",
        "device[kitchen].poll_s: input should be greater than or equal to 0.5 (it is 0.4)",
    ),
    (DEVICE + "poll_s = inf\n", "device[kitchen].poll_s: input should be a finite number"),
    (DEVICE + 'poll_s = "2"\n', "device[kitchen].poll_s: input should be a valid number (it is '2')"),
    (DEVICE + "baud = true\n", "device[kitchen].baud: input should be a valid integer (it is True)"),
    (DEVICE + 'drawer_open_when = "up"\n', "(it is 'up'); allowed: 'high' or 'low'"),
    (DEVICE.replace('id = "kitchen"', "id = 7"), "device[7].id: input should be a valid string (it is 7)"),
    (DEVICE.replace('"kitchen"', '"Virtuve ā"'), "allowed: letters, digits, dot, dash and underscore"),
    (DEVICE + DEVICE.partition("[[")[1] + DEVICE.partition("[[")[2], "number 2 has the same id 'kitchen'"),
    (DEVICE + '[[device]]\nid = "b"\nfamily = "escpos"\nport = "/dev/ttyUSB0"\n', "same port '/dev/ttyUSB0'"),
    (HEAD + "device = 3\n", "collector.device: unknown key"),
    ("device = 3\n" + HEAD, "device: input should be a valid tuple (it is 3)"),
    (BACKUP, "backup[pos]: needs every, at or after; allowed: every ="),
    (BACKUP + 'every = "6h"\nat = "03:30"\n', "backup[pos]: has every and at, and needs either"),
    (BACKUP + 'after = "noon"\n', "backup[pos].after"),
    (
        BACKUP + 'every = "6 hours"\n',
        "backup[pos].every: '6 hours' is no interval; allowed: a number and m, h or d",
    ),
    (BACKUP + "every = 6\n", "backup[pos].every: 6 is no interval"),
    (BACKUP + 'at = "24:00"\n', "backup[pos].at: '24:00' is no time of day"),
    ("[collector\n", "(file): is no valid TOML"),
]


@pytest.mark.parametrize(("text", "said"), WRONG)
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    line = str(caught.value)
    assert line.startswith(f"{path}: ")
    assert said in line
    assert "\n" not in line


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read") as caught:
        load(tmp_path / "no.toml")
    assert caught.value.code == "config.unreadable"


def test_a_file_that_is_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "agent.toml"
    path.write_bytes(b'[agent]\nname = "K\xe2se"\n')
    with pytest.raises(ConfigError, match="is not UTF-8"):
        load(path)


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "agent.toml"
    path.write_bytes(b"\xef\xbb\xbf" + HEAD.encode())
    assert load(path).collector.url == "https://c.example"


def test_the_environment_names_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLOMBA_AGENT_CONFIG", raising=False)
    assert default_path() == Path("/etc/plomba/agent.toml")
    monkeypatch.setenv("PLOMBA_AGENT_CONFIG", "/srv/till.toml")
    assert default_path() == Path("/srv/till.toml")


@pytest.mark.parametrize("path", [r"C:\Users\kase", r"C:\Plomba"])
def test_a_path_of_windows_in_double_quotes_is_explained(tmp_path: Path, path: str) -> None:
    file = tmp_path / "agent.toml"
    file.write_text(f'[agent]\nstate_dir = "{path}"\n', "utf-8")
    with pytest.raises(ConfigError, match="single quotes"):
        load(file)
