"""Entries and the databases' own full-text index of them: what is stored, and which entries may be meant."""

from collections.abc import Sequence

from django.db import connection

from collector.knowledge.folding import stems
from collector.knowledge.models import Article, Entry, State, Version
from collector.knowledge.texts import LANGUAGES, STAFF_PARTS, Text, text_of

MOST_CANDIDATES = 120
_PUBLIC = ("title", "keywords", "summary", "body")


def renew(articles: Sequence[Article]) -> None:
    """The entries of these articles, from what is published now. `current` of each must be at hand."""
    Entry.objects.filter(article__in=articles).delete()
    read = [(a, a.current) for a in articles if a.state == State.PUBLISHED and a.current is not None]
    made = [entry for article, version in read for entry in _entries(article, version)]
    Entry.objects.bulk_create(made, batch_size=100)
    if connection.vendor == "postgresql" and made:
        _learn_words([entry.pk for entry in made])


def _entries(article: Article, version: Version) -> list[Entry]:
    texts = {language: text_of(version, language) for language in LANGUAGES}
    asked = _questions(version)
    return [
        _entry(article, language, text, asked.get(language, ""))
        for language, text in texts.items()
        if not text.empty
    ]


def _entry(article: Article, language: str, text: Text, asked: str) -> Entry:
    public = [words for part, words in text.parts.items() if part not in STAFF_PARTS]
    hidden = [words for part, words in text.parts.items() if part in STAFF_PARTS]
    return Entry(
        article=article,
        language=language,
        title=_line(text.title),
        keywords=_line(f"{text.keywords} {article.slug}"),
        summary=_line(text.summary),
        body=_line(" ".join([*public, asked])),
        staff=_line(" ".join(hidden)),
    )


def _questions(version: Version) -> dict[str, str]:
    """What a decision tree asks and says, per language."""
    said: dict[str, list[str]] = {}
    for node in version.tree.get("nodes", {}).values():
        for words in (node.get("ask"), node.get("do"), *(a["say"] for a in node.get("answers", ()))):
            for language, text in (words or {}).items():
                said.setdefault(language, []).append(text)
    return {language: " ".join(parts) for language, parts in said.items()}


def _line(text: str) -> str:
    """Each stem once: how often a word stands there says nothing of a short article."""
    return " ".join(dict.fromkeys(stems(text)))


def _learn_words(pks: list[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO knowledge_word SELECT DISTINCT unnest(tsvector_to_array(document))"
            " FROM knowledge_entry WHERE id = ANY(%s) ON CONFLICT DO NOTHING",
            [pks],
        )


def words_like(shortest: int, longest: int) -> list[str]:
    """Every stem of the index of such a length."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT term FROM knowledge_word WHERE length(term) BETWEEN %s AND %s", [shortest, longest]
        )
        return [row[0] for row in cursor.fetchall()]


def words_beginning(stem: str, most: int) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT term FROM knowledge_word WHERE term >= %s AND term < %s ORDER BY length(term), term LIMIT %s"
            if connection.vendor == "sqlite"
            else 'SELECT term FROM knowledge_word WHERE term COLLATE "C" >= %s AND term COLLATE "C" < %s'
            ' ORDER BY length(term), term COLLATE "C" LIMIT %s',
            [stem, stem + "\uffff", most],
        )
        return [row[0] for row in cursor.fetchall()]


def count(wanted: Sequence[str], staff: bool) -> int:
    """Entries that hold one of the stems."""
    return len(_keys(wanted, staff, None))


def candidates(wanted: Sequence[str], staff: bool) -> list[int]:
    """Keys of the entries that hold one of the stems, those that look best to the database first."""
    return _keys(wanted, staff, MOST_CANDIDATES)


def _keys(wanted: Sequence[str], staff: bool, most: int | None) -> list[int]:
    if not wanted:
        return []
    if connection.vendor == "sqlite":
        statement, asked = _sqlite(wanted, staff, most)
    else:
        statement, asked = _postgresql(wanted, staff, most)
    with connection.cursor() as cursor:
        cursor.execute(statement, asked)
        return [row[0] for row in cursor.fetchall()]


def _sqlite(wanted: Sequence[str], staff: bool, most: int | None) -> tuple[str, list[str | int]]:
    any_of = " OR ".join(f'"{stem}"' for stem in wanted)
    match = any_of if staff else f"{{{' '.join(_PUBLIC)}}} : ({any_of})"
    statement = "SELECT rowid FROM knowledge_fts WHERE knowledge_fts MATCH %s"
    if most is None:
        return statement, [match]
    return f"{statement} ORDER BY bm25(knowledge_fts, 6, 5, 3, 1.5, 1.2), rowid LIMIT %s", [match, most]


def _postgresql(wanted: Sequence[str], staff: bool, most: int | None) -> tuple[str, list[str | int]]:
    label = "" if staff else ":ABC"
    query = " | ".join(f"'{stem}'{label}" for stem in wanted)
    statement = "SELECT id FROM knowledge_entry WHERE document @@ %s::tsquery"
    if most is None:
        return statement, [query]
    order = "ORDER BY ts_rank('{0.2, 0.4, 0.8, 1}', document, %s::tsquery) DESC, id LIMIT %s"
    return f"{statement} {order}", [query, query, most]
