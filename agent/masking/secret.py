"""Takes out of a text what no log may hold: private keys, one-time codes, passwords and card numbers. Pure."""

import re

from agent.masking.personal import luhn

MASK = "[masked]"

_KEY_NAMES = (
    r"pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|private[_-]?key|parole|пароль|code[_-]?secret"
)
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(
            r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
        ),
        MASK,
    ),
    # A one-time code with the fingerprint behind it, in any case; alone only as it is shown, in capitals.
    (re.compile(r"(?i)\b[0-9a-z]{5}-[0-9a-z]{5}\.[a-z2-7]{10,}"), MASK),
    (re.compile(r"(?<![\w-])[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}(?![\w-])"), MASK),
    # 32 bytes in base64url, as keys are kept here, or in base64. A path is none: those hold a slash or a dot around it.
    (re.compile(r"(?<![\w/.+-])[A-Za-z0-9_-]{43}=?(?![\w/.+-])"), MASK),
    (re.compile(r"(?<![\w/.+-])[A-Za-z0-9+/]{43}=(?![\w/+=-])"), MASK),
    (re.compile(r"(?i)(\bauthorization\s*:\s*)[^\r\n]+"), rf"\1{MASK}"),
    (
        re.compile(rf"(?i)\b((?:{_KEY_NAMES})[\"']?\s*[=:]\s*)(?:\"[^\"]*\"|'[^']*'|[^\s,;&\"']+)"),
        rf"\1{MASK}",
    ),
    # https://name:password@host
    (re.compile(r"(?<=://)[^\s/@:]+:[^\s/@]+(?=@)"), MASK),
)
_CARD = re.compile(r"(?<![\d.])(?<![0-9a-f]{4}-)(?:[3-6]|2[2-7])\d(?:[ -]?\d){10,17}(?![\d.]\d|\d)")
"""ISO/IEC 7812-1: 12 to 19 digits. The first digits of card schemes keep times in
milliseconds out, what stands before keeps the id of a terminal out."""


def mask(text: str) -> str:
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return _CARD.sub(_card, text)


def _card(found: re.Match[str]) -> str:
    digits = [int(c) for c in found[0] if c.isdigit()]
    return MASK if 12 <= len(digits) <= 19 and luhn(digits) else found[0]
