"""What is told of the ways: once per change, with what was dead and for how long, and nothing of a blink."""

from datetime import UTC, datetime, timedelta

from agent.uplink.relay_course import TOLD_S, Logbook
from agent.uplink.relay_diagnosis import Finding, Verdict
from agent.uplink.relay_election import Heard
from protocols.wire.relay import Reach
from tests.agent.uplink.relay_site import Heard as Listener

BEGAN = datetime(2026, 11, 25, 20, 0, tzinfo=UTC)
LINE, OWN_WAY = Finding(Verdict.LINE, "nothing comes back"), Finding(Verdict.OWN_WAY, "no gateway")
A, B = (Heard(name, ("10.0.0.1", 8447), Reach.REACHED, 1.0, 0.0, 100) for name in "ab")


class Clock:
    now_s = 0.0

    def now(self) -> datetime:
        return BEGAN + timedelta(seconds=self.now_s)

    def monotonic(self) -> float:
        return self.now_s

    def wait(self, event: object, timeout_s: float) -> bool:
        raise AssertionError


class Book(Logbook):
    def __init__(self) -> None:
        self.clock = Clock()
        self.heard = Listener()
        super().__init__(self.clock, self.heard)

    def told(self) -> list[tuple[str, Verdict, float]]:
        return [(news.relay, news.finding.verdict, news.lasted_s) for news in self.heard.news]


def test_a_way_that_works_is_written_down_once() -> None:
    book = Book()
    book.own()
    book.clock.now_s = 5
    book.own()
    [course] = book.heard.courses
    assert (course.relay, course.since, course.finding) == ("", BEGAN, None)
    assert book.told() == []


def test_a_dead_line_is_told_when_it_is_back() -> None:
    book = Book()
    book.own()
    book.clock.now_s = 100
    book.dead(LINE)
    book.clock.now_s = 400
    book.dead(LINE)
    assert [course.finding for course in book.heard.courses] == [None, LINE]
    assert book.heard.courses[-1].dead_since == BEGAN + timedelta(seconds=100)
    assert book.told() == []
    book.clock.now_s = 700
    book.own()
    assert book.told() == [("", Verdict.LINE, 600)]
    assert book.heard.news[0].dead_since == BEGAN + timedelta(seconds=100)
    assert book.heard.courses[-1].finding is None
    book.own()
    assert len(book.told()) == 1


def test_a_blink_is_not_told() -> None:
    book = Book()
    book.own()
    book.dead(LINE)
    book.clock.now_s = TOLD_S - 1
    book.own()
    assert book.told() == []
    assert book.heard.courses[-1].finding is None


def test_each_change_of_the_relay_is_told_and_so_is_the_way_back() -> None:
    book = Book()
    book.own()
    book.dead(OWN_WAY)
    book.clock.now_s = 10
    book.over(A, "Kase a")
    book.over(A, "Kase a")
    book.clock.now_s = 30
    book.over(B, "Kase b")
    book.clock.now_s = 40
    book.own()
    assert book.told() == [("a", Verdict.OWN_WAY, 10), ("b", Verdict.OWN_WAY, 30), ("", Verdict.OWN_WAY, 40)]
    assert [course.relay for course in book.heard.courses] == ["", "", "a", "b", ""]


def test_a_line_that_was_dead_for_the_relay_too_is_told_when_it_carries_again() -> None:
    book = Book()
    book.dead(OWN_WAY)
    book.over(A, "Kase a")
    book.clock.now_s = 100
    book.dead(LINE)
    book.clock.now_s = 300
    book.dead(OWN_WAY)
    book.over(A, "Kase a")
    assert book.told()[1:] == [("a", Verdict.LINE, 200)]
    book.over(A, "Kase a")
    assert len(book.told()) == 2
