"""collector.toml: what is refused, and in which words."""

from pathlib import Path

import pytest

from collector.core import config
from protocols.errors import ConfigError

EXAMPLE = Path(__file__).parents[3] / "config" / "collector.example.toml"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("databse = ''", "databse: is not known; did you mean database?"),
        ("[server]\nprot = 1", "server.prot: is not known; did you mean port?"),
        ("[hold_s]\nzzzzzz = 1", "hold_s.zzzzzz: is not known; allowed: device, host, backup, silent"),
        ("database = 'mysql://x'", "database: String should match"),
        ("time_zone = 'Riga'", "IANA"),
        ("silent_after_s = 1", "silent_after_s: Input should be greater"),
        ("[server]\nport = 0", "server.port: Input should be greater"),
        ("= 1", "is not TOML"),
    ],
)
def test_refused(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "collector.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as refused:
        config.load(tmp_path, file)
    assert says in str(refused.value)
    assert str(refused.value).startswith(f"{file}: ")
    assert "\n" not in str(refused.value)


def test_the_example_holds_every_key_with_its_default(tmp_path: Path) -> None:
    assert config.load(tmp_path, EXAMPLE) == config.load(tmp_path, tmp_path / "none")
    text = EXAMPLE.read_text()
    sections = (config.Config, config.Server, config.Hold, config.Identity)
    for section in (*sections, config.Mail, config.Sms, config.Notify, config.Law):
        for name in section.model_fields:
            assert name == "home" or f"{name} = " in text or f"[{name}]" in text


def test_the_environment_names_home_and_file() -> None:
    assert config.find({}) == (config.DEFAULT_HOME, config.DEFAULT_HOME / "collector.toml")
    assert config.find({config.HOME_VARIABLE: "/h"}) == (Path("/h"), Path("/h/collector.toml"))
    both = {config.HOME_VARIABLE: "/h", config.FILE_VARIABLE: "/f"}
    assert config.find(both) == (Path("/h"), Path("/f"))
