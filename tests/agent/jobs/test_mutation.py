"""Whatever is changed in what a collector hands out: either nothing is done, or exactly what was signed, once."""

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protocols.errors import JobError
from protocols.wire.job import ReadStateNow
from tests.agent.jobs.till import Workplace
from tests.office import Office, Person

OFFICE = Office()
SIGNED = OFFICE.signed(OFFICE.job({"type": "read_state_now", "device": "printer"}))
OFFER = OFFICE.offer(SIGNED)
STRANGE = OFFICE.offer(OFFICE.signed(OFFICE.job(), Person("Mallory")))
LETTERS = st.sampled_from(b'abAZ09_-"\\{}[]:,. \x00\xff')
PLACES = st.integers(0, len(OFFER) - 1)
CHANGES = st.one_of(
    st.tuples(st.just("replace"), PLACES, LETTERS),
    st.tuples(st.just("insert"), PLACES, LETTERS),
    st.tuples(st.just("delete"), PLACES, st.integers(1, 40)),
    st.tuples(st.just("repeat"), PLACES, st.integers(1, 400)),
    st.tuples(st.just("graft"), PLACES, st.integers(1, 400)),
)


def changed(body: bytes, changes: list[tuple[str, int, int]]) -> bytes:
    for how, at, what in changes:
        match how:
            case "replace":
                body = body[:at] + bytes([what]) + body[at + 1 :]
            case "insert":
                body = body[:at] + bytes([what]) + body[at:]
            case "delete":
                body = body[:at] + body[at + what :]
            case "repeat":
                body = body[: at + what] + body[at:]
            case _:
                body = body[:at] + STRANGE[at : at + what] + body[at + what :]
    return body


@settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(CHANGES, min_size=1, max_size=4))
def test_what_was_not_signed_is_not_done(changes: list[tuple[str, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Workplace(Path(folder), OFFICE)
        try:
            place.take(changed(OFFER, changes))
        except JobError:
            assert place.counted.done == []
        assert place.counted.done in ([], [ReadStateNow(device="printer")])
        assert place.counted.tried == []
        place.spool.close()


def test_the_same_without_a_change_is_done(tmp_path: Path) -> None:
    """The control: what is changed above would be done as it is."""
    place = Workplace(tmp_path, OFFICE)
    place.take(changed(OFFER, []))
    assert place.counted.done == [ReadStateNow(device="printer")]
    place.spool.close()
