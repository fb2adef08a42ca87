"""Takes out of a text what tells of people: mail addresses, telephone numbers, personal codes. Secrets and card numbers
are taken out before, by the same rules as in the agent's own log."""

import re

MASK = "[personal]"
_PATTERNS = (
    re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+"),
    # Latvian: ddmmyy-nnnnn, and since 2017 32nnnn-nnnnn without a date of birth in it.
    re.compile(r"(?<![\d-])(?:[0-3]\d[01]\d{3}|32\d{4})-\d{5}(?![\d-])"),
    re.compile(r"(?<![\d+])\+\d{1,3}[ -]?\d{2,4}(?:[ -]?\d{2,4}){1,3}(?!\d)"),
)


def mask(text: str) -> str:
    for pattern in _PATTERNS:
        text = pattern.sub(MASK, text)
    return text
