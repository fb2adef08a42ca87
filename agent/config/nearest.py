"""Which known word a mistyped one was meant to be."""

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str:
    """`, did you mean '...'?`, or nothing where no known word is near."""
    from difflib import get_close_matches  # noqa: PLC0415 - only where something is wrong

    found = get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f", did you mean {found[0]!r}?" if found else ""
