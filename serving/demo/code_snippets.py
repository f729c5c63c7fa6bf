"""Code for the demonstration: some functions everybody asks for, and skeletons with a prompt's names."""

from __future__ import annotations

import re

_LANGUAGES = {
    "python": r"\bpython\b",
    "javascript": r"\b(?:javascript|js|typescript|node)\b",
    "sql": r"\bsql\b",
    "bash": r"\b(?:bash|shell script)\b",
}
_ASKED = re.compile(
    r"\b(?:functions?|funktion|fonction|función|функци\w*|scripts?|program|class|algorithm|code|regex)\b|関数",
    re.I,
)
_WORD_OF_CODE = (
    r"(?:functions?|funktion|fonction|función|scripts?|program|class|algorithm|code|regex|python|javascript"
    r"|typescript|js|sql|bash|shell|query|find|returns?|takes|implement|checks?|write|given|create)"
)
_OF_CODE = re.compile(rf"{_WORD_OF_CODE}(?:-{_WORD_OF_CODE})*", re.I)
_KNOWN = {  # what is asked for: the parameters, and the body in Python
    r"fibonacci": (
        "fibonacci",
        "n",
        ["a, b = 0, 1", "for _ in range(n):", "    a, b = b, a + b", "return a"],
    ),
    r"factorial|fakultät": (
        "factorial",
        "n",
        ["result = 1", "for k in range(2, n + 1):", "    result *= k", "return result"],
    ),
    r"\bprime|primzahl|\bprimo": (
        "is_prime",
        "n",
        ["return n > 1 and all(n % k for k in range(2, int(n**0.5) + 1))"],
    ),
    r"palindrom": (
        "is_palindrome",
        "text",
        ["letters = [c for c in text.casefold() if c.isalnum()]", "return letters == letters[::-1]"],
    ),
    r"fizz ?buzz": (
        "fizzbuzz",
        "n",
        ['return ["Fizz" * (k % 3 == 0) + "Buzz" * (k % 5 == 0) or str(k) for k in range(1, n + 1)]'],
    ),
    r"greatest common|\bgcd\b": ("gcd", "a, b", ["while b:", "    a, b = b, a % b", "return abs(a)"]),
    r"revers\w* (?:a |the )?(?:string|text|word)": ("reverse", "text", ["return text[::-1]"]),
}
_SKELETONS = {
    "python": '''def {name}({last}_input):
    """Sketch: {goal}."""
    if not {last}_input:
        raise ValueError("no {last} given")
    result = []
    for part in {last}_input:
        result.append(part)  # here: {goal}
    return result''',
    "javascript": """function {camel}({last}Input) {{
  // {goal}
  const result = [];
  for (const part of {last}Input) result.push(part);
  return result;
}}""",
    "sql": """SELECT {columns}
FROM {table}
WHERE /* {goal} */ TRUE
ORDER BY 1;""",
    "bash": """#!/usr/bin/env bash
set -euo pipefail
{name}="${{1:?usage: $0 {last}}}"
# {goal}
echo "${name}\"""",
}


def without_code_words(terms: list[str]) -> list[str]:
    """The terms without "function", "Python" and the like."""
    kept = (" ".join(word for word in term.split() if not _OF_CODE.fullmatch(word)) for term in terms)
    return [term for term in kept if term]


def code_for(prompt: str, terms: list[str]) -> str | None:
    """A fenced block for a prompt that asks for code, or None for one that does not."""
    named = [name for name, pattern in _LANGUAGES.items() if re.search(pattern, prompt, re.I)]
    if not (
        _ASKED.search(prompt) or (named and re.search(r"\b(?:write|how|query|implement)\b", prompt, re.I))
    ):
        return None
    kind = named[0] if named else "python"
    if kind == "python":
        for pattern, (name, arguments, body) in _KNOWN.items():
            if re.search(pattern, prompt, re.I):
                lines = "\n".join(f"    {line}" for line in body)
                return f"```python\ndef {name}({arguments}):\n{lines}\n```"
    words = [word.lower() for term in terms for word in re.findall(r"[a-z][a-z0-9]*", term, re.I)]
    words = [word for word in dict.fromkeys(words) if not _OF_CODE.fullmatch(word)] or ["answer"]
    table = re.search(r"\b(?:in|from|of|table)(?: the| all)? ([a-z_]+)", prompt, re.I)
    return f"```{kind}\n{_skeleton(kind, words, table[1].lower() if table else words[0])}\n```"


def _skeleton(kind: str, words: list[str], table: str) -> str:
    name, last, goal = "_".join(words[:3]), words[-1], " ".join(words[:6])
    camel = words[0] + "".join(word.capitalize() for word in words[1:3])
    columns = ", ".join(word for word in words if word != table) or "*"
    return _SKELETONS[kind].format(name=name, last=last, goal=goal, camel=camel, columns=columns, table=table)
