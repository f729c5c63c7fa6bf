"""What in a text is somebody's: addresses, numbers and keys, found by their look and covered.

It is a help for whoever shows a text to others, and no promise: names, places and what is told in words are
not found. It rather covers too much than too little.
"""

from __future__ import annotations

import re
from collections import Counter

COVER = "██████"
_RUN = r"[A-Za-z0-9_\-./+=]{6,}"
# Kind → what it looks like; where a pattern has a group, that part alone is covered. In this order.
_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "key",
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.S),
    ),
    (
        "key",
        re.compile(
            r"\b(?:sk|pk|rk)[-_][A-Za-z0-9_-]{16,}|\b(?:ghp|gho|ghs|ghu|github_pat|glpat|hf|xox[abprs])[-_]"
            r"[A-Za-z0-9_-]{10,}|\bAKIA[0-9A-Z]{12,}|\bAIza[\w-]{20,}|\bya29\.[\w-]{20,}"
            r"|\beyJ[\w-]{8,}\.[\w-]{8,}\.?[\w-]*"
        ),
    ),
    (
        "key",
        re.compile(
            rf"(?i)\b(?:api[_ -]?key|access[_ -]?key|secret|token|passw(?:or)?d|pwd|bearer|passwort|kennwort|"
            rf"mot de passe|contraseña)\b\s*(?:is|ist|est|es)?\s*[:=]?\s*[\"'`]?((?=[^\s\"'`]*[0-9]){_RUN})"
        ),
    ),
    ("key", re.compile(r"(?i)\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@]{1,200}:([^\s/@]{1,200})@")),
    (
        "key",
        re.compile(r"(?<![\w/+-])(?=[\w+/-]*[0-9])(?=[\w+/-]*[A-Za-z])[A-Za-z0-9+/_-]{32,}={0,2}(?![\w/+])"),
    ),
    (
        "e-mail address",
        re.compile(
            r"(?<![\w.%+'-])[\w.%+'-]{1,256}\s?[@＠]\s?"
            r"[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"
        ),
    ),
    ("account", re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,4})?\b")),
    ("number", re.compile(r"(?<![\d.,])\d(?:[ -]?\d){12,18}(?![\d.,]*\d)")),
    (
        "phone number",
        re.compile(
            r"(?<![\w+.,])(?:\+|00)[1-9](?:[\s().\-/]{0,2}\d){6,14}(?!\d)"
            r"|(?<![\w.,])\(\d{2,5}\)[\s.\-/]?\d(?:[\s.\-/]?\d){4,10}(?!\d)"
            r"|(?<![\w.,])(?<!\d )0\d{1,4}(?:[\s.\-/]{1,2}\d{2,}){1,5}(?![\d.,]*\d)"
            r"|(?<![\w.,])0\d{8,12}(?!\d)"
            r"|(?<![\w.,])\d{3}[\s.\-]\d{3}[\s.\-]\d{4}(?!\d)"
        ),
    ),
    ("network address", re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.]*\d)")),
)


def cover_private(text: str) -> tuple[str, Counter[str]]:
    """A text with what is private in it covered; and how much of each kind that was."""
    found: Counter[str] = Counter()
    for kind, pattern in _PATTERNS:

        def cover(match: re.Match[str], kind: str = kind) -> str:
            whole = match[0]
            part = match[1] if match.re.groups else whole
            if part == COVER or (kind == "number" and not _luhn(part)):
                return whole
            found[kind] += 1
            return whole.replace(part, COVER)

        text = pattern.sub(cover, text)
    return text, found


def _luhn(number: str) -> bool:
    """Whether it may be the number of a card, by its check digit."""
    digits = [int(one) for one in number if one.isdigit()]
    doubled = [one if n % 2 == 0 else (one * 2 - 9 * (one > 4)) for n, one in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0
