"""Nothing that a person reads is missing in any of the three languages, and every state has icon and word."""

import re
import struct
from pathlib import Path

import pytest

from collector.web import catalogue, words
from collector.web.assets import ROOT, WEB, compile_translations
from collector.web.icons import ICONS
from collector.web.states import FLAGS, VALUES
from protocols.status.faults import FAULTS
from protocols.status.model import FIELDS

HOLES = re.compile(r"%\(\w+\)[sd]")


@pytest.mark.parametrize("language", catalogue.LANGUAGES)
def test_every_phrase_is_translated(language: str) -> None:
    assert catalogue.missing(language) == []


def test_a_missing_phrase_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The control: a catalogue without one phrase, and one with an empty one."""
    text = catalogue.file_of("lv").read_text()
    monkeypatch.setattr(catalogue, "file_of", lambda language: tmp_path / "django.po")
    (tmp_path / "django.po").write_text(text.replace('msgid "Fault code"', 'msgid "Something else"'))
    assert len(catalogue.missing("lv")) == 1
    (tmp_path / "django.po").write_text(text.replace('"%(n)s kases"', '""'))
    assert len(catalogue.missing("lv")) == 1


@pytest.mark.parametrize("language", catalogue.LANGUAGES)
def test_translations_keep_their_holes_and_nothing_is_left_over(language: str) -> None:
    needed = catalogue.needed()
    for message in catalogue.load(language):
        if not message.id:
            continue
        source = message.id if isinstance(message.id, str) else message.id[1]
        forms = [message.string] if isinstance(message.string, str) else list(message.string or ())
        for form in forms:
            assert sorted(HOLES.findall(form)) == sorted(HOLES.findall(source)), source
        key = message.id if isinstance(message.id, str) else tuple(message.id)
        assert (message.context or "", key) in needed, f"{source!r} is not used any more"


def test_translations_compile_without_a_foreign_program(tmp_path: Path) -> None:
    folder = tmp_path / "lv" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "django.po").write_bytes(catalogue.file_of("lv").read_bytes())
    compile_translations(tmp_path)
    magic, _revision, count = struct.unpack("<III", (folder / "django.mo").read_bytes()[:12])
    assert magic == 0x950412DE
    assert count > 300


def test_every_fault_has_three_titles() -> None:
    for fault in FAULTS.values():
        assert all(fault.title(language) for language in ("lv", "en", "ru")), fault.code


def test_every_state_field_has_a_word() -> None:
    assert set(FLAGS) | set(VALUES) == set(FIELDS)


def test_every_sign_has_an_icon_of_the_sprite_and_a_word() -> None:
    tables = (words.STANDINGS, words.SEVERITIES, words.INCIDENT_STATES, words.TRANSITIONS, words.CONTACTS)
    for table in tables:
        for sign in table.values():
            assert sign.icon in ICONS
            assert str(sign.word)
            assert f".tone-{sign.tone}" in (WEB / "static/plomba/plomba.css").read_text()
    assert len(words.STANDINGS) == 7


def test_every_icon_in_code_and_templates_is_in_the_sprite() -> None:
    used: set[str] = set()
    for page in (WEB / "templates").rglob("*.html"):
        used |= set(re.findall(r'{% (?:icon|navlink "web:[\w-]+") "([\w-]+)"', page.read_text()))
    for name in ("sentences.py", "states.py", "words.py", "knowledge_words.py", "views/now.py"):
        source = (WEB / name).read_text()
        used |= {
            icon for icon in re.findall(r'"([a-z]+(?:-[a-z]+)+)"', source) if not icon.startswith("web:")
        }
    assert len(used) > 40
    assert used <= set(ICONS), used - set(ICONS)
    assert set(ICONS) - used <= _plain(ICONS)


def _plain(names: tuple[str, ...]) -> set[str]:
    """Names without a dash cannot be told from other words in code."""
    return {name for name in names if "-" not in name}


def test_the_lock_holds_no_address() -> None:
    text = (ROOT / "package-lock.json").read_text()
    assert "resolved" not in text
    assert text.count('"integrity"') == 7
    assert "omit-lockfile-registry-resolved=true" in (ROOT / ".npmrc").read_text()
