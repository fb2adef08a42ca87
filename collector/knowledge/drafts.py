"""Draft articles from what solved the same trouble again and again."""

from collections.abc import Sequence

from django.db import transaction
from django.utils.text import slugify

from collector.core import clock
from collector.knowledge.models import Article, Audience, LinkKind, State
from collector.knowledge.texts import Part, Text
from collector.knowledge.writing import Links, add_version
from protocols.status.faults import fault

MOST_LETTERS = 80
_SUMMARIES = {
    "lv": "Melnraksts no atrisinājumiem, kas vairākkārt palīdzēja.",
    "en": "A draft from solutions that helped more than once.",
    "ru": "Черновик по решениям, которые помогли не раз.",
}


def propose(code: str, model: str, resolution_texts: Sequence[str], language: str) -> str:
    """The slug of a draft for staff that lists these solutions, made unless there is one for this code and model
    that nobody has published yet. UsageError for a code that is not in the closed list."""
    known = fault(code)
    base = slugify(f"{known.article} {model}")[: MOST_LETTERS - 4]
    waiting = Article.objects.filter(state=State.DRAFT, links__kind=LinkKind.CODE, links__value=code)
    waiting = waiting.filter(links__kind=LinkKind.MODEL, links__value=model) if model else waiting
    found = waiting.filter(slug__startswith=f"{base}-").first()
    if found is not None:
        return found.slug
    title = known.title(language)
    lines = "\n".join(f"- {' '.join(text.split())}" for text in dict.fromkeys(resolution_texts))
    text = Text(
        title=f"{title}: {model}" if model else title,
        summary=_SUMMARIES.get(language, _SUMMARIES["en"]),
        keywords="",
        parts={Part.TECHNICIAN: lines},
    )
    with transaction.atomic():
        article = Article.objects.create(slug=_free(base), audience=Audience.STAFF)
        Links((code,), (model,) if model else ()).keep(article)
        add_version(article, None, clock.now(), {language: text})
    return article.slug


def _free(base: str) -> str:
    taken = set(Article.objects.filter(slug__startswith=f"{base}-").values_list("slug", flat=True))
    number = next(n for n in range(1, len(taken) + 2) if f"{base}-{n}" not in taken)
    return f"{base}-{number}"
