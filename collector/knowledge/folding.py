"""Words as search compares them: small letters, no diacritics, no endings. One stemmer of our own for Latvian, English
and Russian, so that SQLite and PostgreSQL find the same; it only has to cut the same word in the same way, not to be
right about grammar. Pure."""

import re
from functools import lru_cache
from unicodedata import combining, normalize

SHORTEST_STEM = 3
LONGEST_WORD = 40
LONG_STEM = 5
_INFINITIVES = ("ать", "ять", "еть", "ить", "ировать")
"""Of Russian: taken off only where a long stem stays, or the noun печать would lose its end."""
_WORD = re.compile(r"[0-9a-zа-я]+")
_LATIN = (
    *("ajiem", "ajam", "ajai", "ajos", "ajas", "ajai", "iem", "sies", "ties", "jas", "jies", "ing", "ies"),
    *("am", "ai", "as", "at", "ed", "ei", "em", "es", "ie", "im", "is", "it", "os", "ot", "um", "us"),
    *("a", "e", "i", "o", "s", "u"),
)
_CYRILLIC = (
    *("ировать", "ироваться", "ется", "ится", "ются", "ятся", "аться", "иться"),
    *(
        "ами",
        "ями",
        "ого",
        "его",
        "ому",
        "ему",
        "ыми",
        "ими",
        "ает",
        "яет",
        "ают",
        "яют",
        "ать",
        "ять",
        "еть",
    ),
    *("ить", "ала", "али", "ила", "или", "ешь", "ишь", "ую", "юю"),
    *(
        "ая",
        "яя",
        "ое",
        "ее",
        "ые",
        "ие",
        "ых",
        "их",
        "ым",
        "им",
        "ом",
        "ем",
        "ам",
        "ям",
        "ах",
        "ях",
        "ов",
        "ев",
    ),
    *("еи", "ыи", "ии", "ои", "ия", "ию", "ет", "ит", "ют", "ут", "ят", "ал", "ил", "ся", "сь"),
    *("а", "я", "о", "е", "и", "ы", "у", "ю", "ь"),
)
_SAYS_NOTHING = """
ar un uz no vai ka kas par pie ir nav bet lai jo es tu ja to tas ta sis si ko tik gan kad kur tad tam
a an and are at be by do does for from how i if in is it my no not of on or our that the there this to was we what when
where why will with
а в во вы да до для же за и из или их к как на нам нас не него нет но о об он она они от по при с со так там то у уже
чем что это я мы
"""
_STOP = frozenset(_SAYS_NOTHING.split())


def fold(text: str) -> str:
    """Small letters without diacritics; ё counts as е, й as и."""
    parts = normalize("NFKD", text.casefold())
    return "".join(letter for letter in parts if not combining(letter))


def words(text: str) -> list[str]:
    """Folded, in their order; a dotted code falls apart into its words."""
    return [word[:LONGEST_WORD] for word in _WORD.findall(fold(text))]


def stems(text: str) -> list[str]:
    """Of every word that says something."""
    return [stem(word) for word in words(text) if word not in _STOP]


@lru_cache(maxsize=32_768)
def stem(word: str) -> str:
    """Cut until nothing can be cut, so that every form of a word ends at the same place."""
    endings = _CYRILLIC if "а" <= word[0] <= "я" else _LATIN
    shorter = _shorter(word, endings)
    while shorter != word:
        word, shorter = shorter, _shorter(shorter, endings)
    return word


def _shorter(word: str, endings: tuple[str, ...]) -> str:
    for ending in endings:
        least = LONG_STEM if ending in _INFINITIVES else SHORTEST_STEM
        if word.endswith(ending) and len(word) - len(ending) >= least:
            return word[: -len(ending)]
    return word
