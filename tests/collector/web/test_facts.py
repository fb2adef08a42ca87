"""What the details of a fact say on the timeline, in three languages."""

import pytest
from django.utils.translation import override

from collector.web import states

CASES = [
    ("drawer.opened", {"kicked": False}, "without a kick", "bez impulsa"),
    ("drawer.opened", {"kicked": True}, "", ""),
    ("drawer.closed", {"open_s": 12.0}, "it was open for 12 s", "bija atvērta 12 s"),
    (
        "fiscal.memory_forecast",
        {"full_on": "2027-03-01", "free_records": 95},
        "on 01.03.2027; 95 records are free",
        "01.03.2027; brīvi 95 ieraksti",
    ),
    (
        "fiscal.memory_forecast",
        {"full_on": "soon", "free_records": 1},
        "on soon; 1 records are free",
        "soon; brīvi 1 ieraksti",
    ),
    (
        "paper.forecast",
        {"left_at_least": 3200, "counter": "paper_mm"},
        "at least 3 m are left",
        "atlikuši vismaz 3 m",
    ),
    (
        "paper.forecast",
        {"left_at_least": 40, "counter": "line_feeds"},
        "at least 40 lines are left",
        "atlikušas vismaz 40 rindas",
    ),
    ("agent.stopped", {"reason": "stopped"}, "", ""),
    (
        "agent.gap",
        {
            "class": "sample",
            "count": 12,
            "from": "2026-11-22T10:00:00+00:00",
            "to": "2026-11-22T10:30:00+00:00",
        },
        "12 figures, 22.11.2026 12:00 – 22.11.2026 12:30",
        "12 rādījumi, 22.11.2026 12:00 – 22.11.2026 12:30",
    ),
    (
        "agent.gap",
        {"class": "state", "count": None, "from": "2026-11-22T10:00:00+00:00", "to": "soon"},
        "states, 22.11.2026 12:00 – soon",
        "stāvokļi, 22.11.2026 12:00 – soon",
    ),
    (
        "uplink.way_changed",
        {"way": "relay", "relay": "Kase 2", "dead": "own_way", "dead_s": 20},
        "the till's own way was dead, its neighbours' was not; now through Kase 2",
        "kases pašas ceļš nedarbojās, bet kaimiņu ceļš darbojās; tagad caur Kase 2",
    ),
    (
        "uplink.way_changed",
        {"way": "own", "relay": "", "dead": "line", "dead_s": 600},
        "the line of the shop was dead, for 10 min",
        "nedarbojās veikala līnija, 10 min",
    ),
    (
        "uplink.way_changed",
        {"way": "own", "dead": "new", "dead_s": 1},
        "it is not known what was dead, for 1 min",
        "nav zināms, kas nedarbojās, 1 min",
    ),
]


@pytest.mark.parametrize(("name", "detail", "english", "latvian"), CASES)
def test_a_fact_in_words(name: str, detail: dict[str, object], english: str, latvian: str) -> None:
    for language, words in (("en", english), ("lv", latvian)):
        with override(language):
            assert states.fact_note(name, detail) == words


def test_russian_has_its_own_words() -> None:
    with override("ru"):
        assert states.fact_note("drawer.opened", {"kicked": False}) == "без импульса"
        assert str(states.FACTS["paper.forecast"]) == "Рулон бумаги подходит к концу"
