"""The knowledge base's search: by words as people type them, by fault code and by model, best first."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet
from rapidfuzz.distance import OSA

from collector.knowledge import index, ranking
from collector.knowledge.folding import fold, stem, words
from collector.knowledge.folding import stems as stems_of
from collector.knowledge.models import Article, Audience, Entry, LinkKind, State
from collector.knowledge.ranking import Page, Term
from collector.knowledge.texts import best_language, text_of
from protocols.status.faults import FAULTS

MOST_WORDS = 12
MOST_LETTERS = 400
_CODE = re.compile(r"[a-z]+\.[a-z0-9_]+")


@dataclass(frozen=True, slots=True)
class Found:
    """In the reader's language where the article speaks it. `matched`: the words, the fault codes and the model
    for which it was found."""

    slug: str
    title: str
    summary: str
    score: float
    matched: tuple[str, ...]


def find(
    text: str,
    language: str,
    *,
    codes: Sequence[str] = (),
    model: str = "",
    limit: int = 5,
    staff: bool = False,
) -> list[Found]:
    """Published articles, best first. Without `staff` only what customers may read, and nothing is found by the parts
    for technicians. `codes` and `model` lift what is linked to them; without words these alone decide."""
    asked = text[:MOST_LETTERS]
    wanted = {*codes, *(code for code in _CODE.findall(asked.casefold()) if code in FAULTS)}
    scored = _by_words(asked, language, staff)
    _lift(scored, _linked(wanted, model, staff))
    useful = _votes(scored)
    ordered = sorted(((score * useful.get(pk, 1.0), pk) for pk, (score, _) in scored.items()), reverse=True)
    best = [(score, pk) for score, pk in ordered if score > 0][:limit]
    return _told(best, {pk: matched for pk, (_, matched) in scored.items()}, language)


Scored = dict[int, tuple[float, tuple[str, ...]]]
"""Article -> score and what matched."""


def _by_words(text: str, language: str, staff: bool) -> Scored:
    terms = _terms(text, staff)
    if not terms:
        return {}
    entries = _visible(staff).count()
    asked = [stem for term in terms for stem in term.stems]
    best: Scored = {}
    for entry in _visible(staff).filter(pk__in=index.candidates(asked, staff)):
        score, matched = ranking.score(terms, _page(entry, staff), entries, language)
        if score > best.get(entry.article_id, (0.0, ()))[0]:
            best[entry.article_id] = (score, matched)
    return best


def _visible(staff: bool) -> QuerySet[Entry]:
    rows = Entry.objects.filter(article__state=State.PUBLISHED)
    return rows if staff else rows.filter(article__audience=Audience.CUSTOMERS)


def _page(entry: Entry, staff: bool) -> Page:
    names = [name for name in ranking.FIELDS if staff or name != "staff"]
    return Page(entry.language, {name: frozenset(getattr(entry, name).split()) for name in names})


def _terms(text: str, staff: bool) -> list[Term]:
    typed = list(dict.fromkeys(word for word in words(text) if stems_of(word)))[:MOST_WORDS]
    return [_term(word, staff, last=word == typed[-1]) for word in typed]


def _term(word: str, staff: bool, last: bool) -> Term:
    """The last word may still be being typed; a word that the index does not hold is taken for a typing error."""
    exact = stem(word)
    meant = {exact: 1.0}
    found = index.count([exact], staff)
    if last and len(word) >= 3:
        meant |= {other: 0.8 for other in index.words_beginning(exact, 20) if other != exact}
    if not found and len(meant) == 1:
        meant |= _near(exact)
    return Term(word, meant, found or index.count(list(meant), staff))


def _near(typed: str) -> dict[str, float]:
    """One error in words of four letters, two from eight on; a pair of letters that changed places is one."""
    if len(typed) < 3 or typed.isdecimal():
        return {}
    allowed = 2 if len(typed) >= 7 else 1
    close: list[tuple[int, str]] = []
    for known in index.words_like(len(typed) - allowed, len(typed) + allowed):
        errors = OSA.distance(typed, known, score_cutoff=allowed)
        if errors <= allowed:
            close.append((errors + (known[0] != typed[0]), known))
    nearest = min((errors for errors, _ in close), default=0)
    return {known: 0.7 if errors < 2 else 0.5 for errors, known in sorted(close) if errors == nearest}


def _linked(codes: Collection[str], model: str, staff: bool) -> Scored:
    """What articles are about, as far as it is asked for: article -> lift and what it is about."""
    asked = Q(links__kind=LinkKind.CODE, links__value__in=list(codes))
    asked |= Q(links__kind=LinkKind.MODEL) if model else Q()
    if not codes and not model:
        return {}
    rows = Article.objects.filter(asked, state=State.PUBLISHED)
    rows = rows if staff else rows.filter(audience=Audience.CUSTOMERS)
    found = rows.distinct().prefetch_related("links")
    return {article.pk: lift for article in found if (lift := _lift_of(article, codes, model))[0]}


def _lift_of(article: Article, codes: Collection[str], model: str) -> tuple[float, tuple[str, ...]]:
    """An article about the code and this model beats one about the code alone, the code's own article one that is about
    several; one about another model is no help. A model is linked by the beginning of its name."""
    links = list(article.links.all())
    known = [link.value for link in links if link.kind == LinkKind.CODE]
    models = [link.value for link in links if link.kind == LinkKind.MODEL]
    about = tuple(code for code in known if code in codes)
    fits = tuple(name for name in models if model and fold(model).startswith(fold(name)))
    if models and model and not fits:
        return -1.0, ()
    lift = ranking.about(len(about), len(known), _is_own(article, about))
    return lift + (ranking.ABOUT_THE_MODEL if fits else 0.0), about + fits


def _is_own(article: Article, codes: Iterable[str]) -> bool:
    return any(FAULTS[code].article == article.slug for code in codes if code in FAULTS)


def _lift(scored: Scored, lifts: Scored) -> None:
    for pk, (lift, matched) in lifts.items():
        score, before = scored.get(pk, (0.0, ()))
        scored[pk] = (score + lift if lift > 0 else score * 0.3, before + matched)


def _votes(pks: Iterable[int]) -> dict[int, float]:
    counted = Article.objects.filter(pk__in=list(pks)).annotate(
        all=Count("votes"), good=Count("votes", filter=Q(votes__useful=True))
    )
    return {
        pk: ranking.usefulness(good, every) for pk, good, every in counted.values_list("pk", "good", "all")
    }


def _told(best: list[tuple[float, int]], matched: dict[int, tuple[str, ...]], language: str) -> list[Found]:
    articles = Article.objects.select_related("current").in_bulk([pk for _, pk in best])
    found = []
    for score, pk in best:
        article = articles[pk]
        if article.current is not None:
            text = text_of(article.current, best_language(article.current, language))
            found.append(Found(article.slug, text.title, text.summary, round(score, 3), matched[pk]))
    return found
