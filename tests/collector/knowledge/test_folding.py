import pytest

from collector.knowledge.folding import fold, stem, stems, words


@pytest.mark.parametrize(
    ("forms"),
    [
        ("printeris", "printera", "printerī", "printerim", "printeri", "Printeris", "printer", "printers"),
        ("kase", "kases", "kasē", "kasei", "kasu"),
        ("atvilktne", "atvilktnes", "atvilktnē", "atvilktni"),
        ("neatveras", "neatvērās"),
        ("drukā", "drukāt", "druka", "drukas"),
        ("interneta", "internets", "internetu", "internet"),
        ("принтер", "принтера", "принтером", "принтеры"),
        ("печать", "печати", "печатает", "печатать"),
        ("ящик", "ящика", "ящику", "ящики"),
        ("резервная", "резервной", "резервную", "резервные", "резервных"),
        ("backup", "backups"),
        ("opens", "open", "opening"),
    ],
)
def test_every_form_of_a_word_ends_at_the_same_stem(forms: tuple[str, ...]) -> None:
    assert len({stem(word) for form in forms for word in words(form)}) == 1


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Čeku ĶĒDE šaurā žņaugā", "ceku kede saura znauga"),
        ("Ёлка и СТРОЙКА", "елка и строика"),
        ("ﬁx", "fix"),
    ],
)
def test_diacritics_and_capitals_say_nothing(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_words_that_say_nothing_are_left_out() -> None:
    assert stems("the printer is not on") == ["printer"]
    assert stems("не работает у нас") == [stem("работает")]


@pytest.mark.parametrize("text", ["", "?!", "🙂", "\u0000"])
def test_a_text_without_words_has_no_stems(text: str) -> None:
    assert stems(text) == []
