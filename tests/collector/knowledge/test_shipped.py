"""The shipped articles are whole, lead somewhere, and name only what exists."""

import re
from argparse import ArgumentParser
from importlib import import_module
from typing import cast

import pytest
from django.urls import reverse

from agent.cli import COMMANDS, Command
from collector.cli import _parser
from collector.knowledge.checking import PAGES, check
from collector.knowledge.folding import words
from collector.knowledge.markdown import links
from collector.knowledge.models import Audience, Kind
from collector.knowledge.shipped import Seed, load
from collector.knowledge.texts import LANGUAGES, Part, Text
from collector.web import catalogue, knowledge_words
from protocols.status.faults import FAULTS

SEEDS = {seed.slug: seed for seed in load()}
FIVE = (Part.MEANING, Part.CASHIER, Part.TECHNICIAN, Part.ESCALATE, Part.NEVER)
CHAPTERS = (
    "service-rules", "users-duties", "printed-documents", "saved-data-files", "operator-interface", "equipment-needs",
    "stock-accounting", "delivery-and-loyalty", "the-company", "service-department", "legal-backups",
    "certified-versions", "eds-registration", "authority-case", "notices-and-guidelines", "seals-and-passport",
)  # fmt: skip
"""Of domain.md section 6: what the customer's questions are about, the duties, and phase 3's chapters."""
TREES = ("printer-does-not-print", "drawer-does-not-open", "till-has-no-connection", "backup-is-overdue")
_CODE = re.compile(r"`([^`]+)`")
_MARK = re.compile(r"\[(?:F(?: [LSIQNGM]\d+(?:, [LSIQNGM]\d+)*)?|K|I|F key|F atslēga|F ключ)\]")
_BRACKETS = re.compile(r"\[[^\]\n]*\](?!\()")
_ITALIC = re.compile(r"(?<![*\w])\*([^*\n]+)\*(?!\*)")
_LAW = re.compile(r"^(?:- )?> (.+)$", re.MULTILINE)

each_seed = pytest.mark.parametrize("seed", SEEDS.values(), ids=SEEDS)


def parts(seed: Seed) -> dict[str, str]:
    """language -> all that is said in it."""
    said = {language: "\n".join(text.parts.values()) for language, text in seed.texts.items()}
    if seed.tree is not None:
        for node in seed.tree.nodes.values():
            for phrase in (node.ask, node.help, node.do, *(answer.say for answer in node.answers)):
                for language, text in (phrase or {}).items():
                    said[language] += "\n" + text
    return said


@pytest.mark.parametrize("code", FAULTS)
def test_every_fault_has_its_article_with_every_part_in_three_languages(code: str) -> None:
    seed = SEEDS[FAULTS[code].article]
    assert code in seed.links.codes
    for language in LANGUAGES:
        assert tuple(seed.texts[language].parts) == FIVE
        assert seed.texts[language].title == FAULTS[code].title(language)


def test_the_chapters_and_the_trees_are_there() -> None:
    assert {slug for slug in SEEDS if SEEDS[slug].kind == Kind.TREE} >= set(TREES)
    assert set(CHAPTERS) <= set(SEEDS)


def shape(text: Text) -> list[tuple[Part, int]]:
    """Its parts, and how many rows and points each has."""
    return [
        (part, len(re.findall(r"^(?:- |\d\.|\|)", said, re.MULTILINE))) for part, said in text.parts.items()
    ]


@each_seed
def test_it_says_something_in_three_languages_and_breaks_no_rule(seed: Seed) -> None:
    assert check(seed.texts, seed.links.codes, SEEDS, seed.tree) == []
    assert set(seed.texts) == set(LANGUAGES)
    shapes = [shape(text) for text in seed.texts.values()]
    assert shapes[0] == shapes[1] == shapes[2], "the three languages do not say the same"
    for text in seed.texts.values():
        assert text.title
        assert text.keywords
        assert 20 < len(text.summary) < 200


@each_seed
def test_each_language_is_in_its_own_letters(seed: Seed) -> None:
    said = {language: _CODE.sub("", text) for language, text in parts(seed).items()}
    assert re.search("[āčēģīķļņšūž]", said["lv"])
    assert not re.search("[а-яё]", said["lv"] + said["en"], re.IGNORECASE)
    assert not re.search("[āčēģīķļņšūž]", said["en"].replace("kvīts", ""))
    cyrillic, latin = (len(re.findall(letters, said["ru"])) for letters in ("[а-яё]", "[a-z]"))
    assert cyrillic > 2 * latin


@each_seed
def test_every_link_leads_somewhere(seed: Seed) -> None:
    for said in parts(seed).values():
        for target in links(said):
            kind, _, name = target.partition(":")
            assert kind in ("article", "page"), target
            assert name in (SEEDS if kind == "article" else PAGES), target


@each_seed
def test_customers_are_led_only_to_what_they_may_read(seed: Seed) -> None:
    if seed.audience != Audience.CUSTOMERS:
        return
    shown = [said for text in seed.texts.values() for said in text.shown(staff=False).values()]
    named = {
        link.removeprefix("article:") for said in shown for link in links(said) if link.startswith("article:")
    }
    ends = {node.article for node in (seed.tree.nodes.values() if seed.tree else ()) if node.article}
    for slug in named | ends:
        assert SEEDS[slug].audience == Audience.CUSTOMERS, slug


def test_every_page_that_may_be_named_exists() -> None:
    assert all(reverse(f"web:{name}").startswith("/") for name in PAGES)


def commands(program: str) -> list[tuple[str, list[str]]]:
    found = []
    for slug, seed in SEEDS.items():
        for said in parts(seed).values():
            found += [(slug, tail.split()) for tail in re.findall(rf"{program} ([^`\n«»„”“.,;:()]+)", said)]
    return found


def options(parser: ArgumentParser) -> set[str]:
    return {option for action in parser._actions for option in action.option_strings}


def test_every_agent_command_that_is_named_exists_with_its_options() -> None:
    named = commands("plomba-agent")
    assert len(named) > 100
    for slug, (name, *rest) in named:
        assert name in COMMANDS, f"{slug}: {name}"
        module = cast(Command, import_module(COMMANDS[name].module))
        parser = ArgumentParser()
        module.add_arguments(parser)
        wanted = {word for word in rest if word.startswith("--")}
        assert wanted <= options(parser), f"{slug}: {name} {wanted - options(parser)}"
        acts = [action.choices for action in parser._actions if action.choices and not action.option_strings]
        if name in ("service", "spool"):
            assert rest[0] in acts[0], f"{slug}: {name} {rest[0]}"


def test_every_collector_command_that_is_named_exists() -> None:
    named = commands("plomba-collector")
    assert named
    choices = next(action.choices for action in _parser()._actions if action.dest == "command")
    assert all(words[0] in choices for _, words in named)  # type: ignore[operator]


@each_seed
def test_law_has_its_mark_and_no_mark_is_malformed(seed: Seed) -> None:
    for language, said in parts(seed).items():
        for law in _LAW.findall(said):
            assert _MARK.search(law), f"{language}: {law}"
        for bracket in _BRACKETS.findall(_CODE.sub("", said)):
            assert _MARK.fullmatch(bracket) or bracket.startswith("[["), f"{language}: {bracket}"
    marks = [sorted(re.findall(r"[LSIQNGM]\d+|\[K\]", said)) for said in parts(seed).values()]
    assert marks[0] == marks[1] == marks[2]


def test_every_source_that_is_named_stands_in_the_list_of_sources() -> None:
    listed = set(re.findall(r"[LSI]\d+", SEEDS["sources"].texts["en"].parts[Part.TEXT]))
    named = {
        key
        for seed in SEEDS.values()
        for said in parts(seed).values()
        for mark in _MARK.findall(said)
        for key in re.findall(r"[LSIQNGM]\d+", mark)
    }
    assert named
    assert named <= listed, named - listed


@pytest.fixture(scope="module")
def translated() -> dict[str, dict[str, str]]:
    """What pages call things: English words -> words of a language."""
    found: dict[str, dict[str, str]] = {}
    for language in catalogue.LANGUAGES:
        for message in catalogue.load(language):
            if isinstance(message.id, str) and isinstance(message.string, str):
                found.setdefault(language, {})[message.id] = message.string
        found[language] |= {fault.en: fault.title(language) for fault in FAULTS.values()}
    return found


@each_seed
def test_what_it_calls_by_name_is_called_so_on_the_pages(
    seed: Seed, translated: dict[str, dict[str, str]]
) -> None:
    said = {language: text.replace("**", "") for language, text in parts(seed).items()}
    for name in _ITALIC.findall(parts(seed)["en"].replace("**", "")):
        for language in catalogue.LANGUAGES:
            assert name in translated[language], f"no page says {name!r}"
            assert translated[language][name] in said[language], f"{language}: {translated[language][name]}"


def test_nobody_is_told_to_open_the_device_or_to_print_from_the_agent() -> None:
    fiscal = [seed for slug, seed in SEEDS.items() if slug.startswith("fiscal-")]
    assert all(
        "L8" in "".join(text.parts.values())
        for seed in fiscal
        for text in seed.texts.values()
        if seed.slug != "fiscal-day-over-24h"
    )
    assert "never prints a Z report" in SEEDS["fiscal-day-over-24h"].texts["en"].parts[Part.TECHNICIAN]


def test_the_words_of_parts_are_translated() -> None:
    assert set(knowledge_words.PARTS) == set(Part)
    assert all(len(words(str(sign.word))) for sign in knowledge_words.PARTS.values())
