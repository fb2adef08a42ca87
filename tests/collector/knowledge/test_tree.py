"""A tree that is played never leaves a person standing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from collector.knowledge.shipped import load
from collector.knowledge.tree import BadTree, Node, Tree, as_data, check, problems, walk


def words(text: str = "x") -> dict[str, str]:
    return {"lv": text, "en": text}


def question(*targets: str) -> dict[str, object]:
    return {"ask": words(), "answers": [{"say": words(), "to": target} for target in targets]}


def leaf(**more: str) -> dict[str, object]:
    return {"do": words(), **more}


def tree(**nodes: dict[str, object]) -> Tree:
    return Tree.model_validate({"nodes": nodes})


def test_a_good_tree_has_no_problems() -> None:
    good = tree(
        start=question("a", "b"), a=question("b", "c"), b=leaf(article="x"), c=leaf(incident="drawer.stuck")
    )
    assert problems(good) == []
    assert check(good) is good


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ({"a": leaf()}, "no node 'start'"),
        ({"start": question("a")}, "dead end"),
        ({"start": question("a", "b"), "a": leaf()}, "leads to 'b'"),
        (
            {"start": question("a", "b"), "a": leaf(), "b": question("a", "start")},
            "a circle: start > b > start",
        ),
        ({"start": question("a", "b"), "a": leaf(), "b": leaf(), "c": leaf()}, "c: no answer leads here"),
        ({"start": question("a", "b"), "a": leaf(), "b": {}}, "b: either asks"),
        ({"start": question("a", "b"), "a": leaf(), "b": {"do": {"lv": "x"}}}, "b: says nothing in en"),
        ({"start": question("a", "b"), "a": leaf(), "b": {"do": {}}}, "b: says nothing"),
        (
            {"start": question("a", "b"), "a": leaf(), "b": {**question("a", "a"), "do": words()}},
            "b: either asks",
        ),
        ({"start": {"ask": words()}}, "dead end"),
    ],
)
def test_a_bad_tree_is_refused_with_its_reason(nodes: dict[str, dict[str, object]], said: str) -> None:
    with pytest.raises(BadTree) as refused:
        check(tree(**nodes))
    assert said in str(refused.value)


def test_a_field_that_is_not_known_is_refused() -> None:
    with pytest.raises(ValidationError):
        Node.model_validate({"do": words(), "artcle": "x"})


def test_a_path_that_is_no_answer_ends_where_it_went_wrong() -> None:
    good = tree(start=question("a", "b"), a=leaf(), b=leaf())
    assert walk(good, ()).name == "start"
    assert walk(good, (1,)).name == "b"
    assert walk(good, (7,)).name == "start"
    assert walk(good, (-1,)).name == "start"
    assert walk(good, (0, 0, 0)).name == "a"


@given(st.data())
def test_whoever_answers_comes_to_an_end_that_says_what_to_do(data: st.DataObject) -> None:
    shipped = data.draw(st.sampled_from(TREES))
    path: list[int] = []
    while not (place := walk(shipped, path)).node.is_leaf:
        path.append(data.draw(st.integers(0, len(place.node.answers) - 1)))
        assert len(path) <= len(shipped.nodes)
    assert set(place.node.do or {}) == {"lv", "en", "ru"}
    assert Tree.model_validate(as_data(shipped)) == shipped


TREES = [seed.tree for seed in load() if seed.tree is not None]
