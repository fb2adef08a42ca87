"""Takes out of a text what tells of people: numbers of cards and phones, personal codes, addresses of e-mail, account
numbers, and what stands behind a name of such a field. Pure. A name in free words is not recognised."""

import re

MASK = "[personal]"
_FIELDS = (
    "phone|telephone|mobile|email|e-mail|guest|guestname|customer|customername|client|clientname|firstname|lastname"
    "|middlename|surname|fullname|username|birthday|birthdate|address|street|pin|card|cardnumber|track"
    "|телефон|имя|фамилия|отчество|фио|гость|клиент|адрес|карта|vards|vārds|uzvards|uzvārds|talrunis|tālrunis|adrese"
)
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,6}"), MASK),
    # ISO 13616: two letters, two check digits, up to 30 more.
    (re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b"), MASK),
    # Latvia: ddmmyy-nnnnn, and the new kind that begins with 32.
    (re.compile(r"(?<![\d-])(?:[0-3]\d[01]\d\d{2}|32\d{4})-\d{5}(?![\d-])"), MASK),
    (re.compile(rf"(?i)(<(?:\w+:)?(?:{_FIELDS})\b[^<>]*>)[^<>]+(?=</)"), rf"\1{MASK}"),
    (
        re.compile(
            rf"(?i)((?<![^\W_])(?:{_FIELDS})[\"']?\s*[=:]\s*)(?:\"[^\"\n]*\"|'[^'\n]*'|[^,;&\n<>\"')\]}}]+)"
        ),
        rf"\1{MASK}",
    ),
    # With a plus sign, as Latvian numbers are written, or as Russian ones are.
    (re.compile(r"(?<![\w.])\+\d(?:[ ().-]{0,2}\d){7,14}(?![\d.])"), MASK),
    (re.compile(r"(?<![\w.,:+-])(?:371)?[26]\d(?: ?\d){6}(?![\w.,:-]\d|\d)"), MASK),
    (re.compile(r"(?<![\w.])[78][ (-]{0,2}9\d\d(?:[ )-]{0,2}\d){7}(?![\d.])"), MASK),
)
_CARD = re.compile(r"(?<![\d.])(?:[3-6]\d|2[2-7])(?:[ -]?\d){10,17}(?![\d.]\d|\d)")
"""ISO/IEC 7812-1: 12 to 19 digits, the last of which is a check digit by Luhn's sum. Cards begin with these digits;
times written without a space do not."""


def mask(text: str) -> str:
    text = _CARD.sub(_card, text)
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text


def _card(found: re.Match[str]) -> str:
    return MASK if luhn([int(c) for c in found[0] if c.isdigit()]) else found[0]


def luhn(digits: list[int]) -> bool:
    doubled = (sum(divmod(d * 2, 10)) if place % 2 else d for place, d in enumerate(reversed(digits)))
    return sum(doubled) % 10 == 0
