"""What can be worked out from a prompt alone: arithmetic, units, dates, letters and words.

Nothing is executed: expressions are parsed and evaluated in exact fractions, within bounds on their size.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

LONGEST = 160  # characters of an expression
LARGEST = 512  # bits of a number
_SIGNS = {ast.Add: "+", ast.Sub: "−", ast.Mult: "×", ast.Div: "/", ast.Pow: "^"}
_EXACT: dict[type, Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_WORDS = [  # in English, German, French, Spanish, Russian
    (
        r"(\d+(?:\.\d+)?) *(?:%|percent|prozent|pour cent|por ciento|процент\w*) *(?:of|von|de|от)\b",
        r"\1/100*",
    ),
    (r"\b(?:the )?square root of|\bwurzel aus|\bracine carrée de|\braíz cuadrada de|\bкорень из|√", "sqrt"),
    (r"\b(?:divided? (?:(?:it|that|this) )?by|geteilt durch|divisé par|dividid[oa] (?:por|entre)|÷)", "/"),
    (
        r"\b(?:times|multipl(?:y|ied) (?:(?:it|that|this) )?by|mal|fois|multiplicado por|умножить на)\b|×|·",
        "*",
    ),
    (r"\b(?:plus|add|más|плюс)\b", "+"),
    (r"\b(?:minus|subtract|moins|menos|минус)\b|−", "-"),
    (r"\^|\b(?:to the power of|hoch|puissance|elevado a|в степени)\b", "**"),
    (r"\b(?:squared|im quadrat|au carré|al cuadrado|в квадрате)\b", "**2"),
    (r"(?<=\d) *x *(?=\d)", "*"),
    (r"(?<=\d),(?=\d{3}\b)", ""),
    (r"(?<=\d),(?=\d)", "."),
    (r"sqrt *\(? *(\d+(?:\.\d+)?) *\)?", r"sqrt(\1)"),
]
_ASKED = re.compile(
    r"what|how much|calculat|comput|evaluat|solve|result|was |wie ?viel|berechne|combien|calcul|cuánto"
    r"|сколько|вычисли|посчитай|いくつ|計算|=",
    re.I,
)
_SAME = re.compile(r"\b(?:it|that|this|the result|das|ça|cela|eso|это)\b", re.I)
_MONTHS = [
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
]
_DATES = re.compile(
    r"(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})|(?P<d2>\d{1,2})\.\s?(?P<m2>\d{1,2})\.\s?(?P<y2>\d{4})"
    rf"|(?P<d3>\d{{1,2}})\s(?P<m3>{'|'.join(_MONTHS)})\s(?P<y3>\d{{4}})"
    rf"|(?P<m4>{'|'.join(_MONTHS)})\s(?P<d4>\d{{1,2}})(?:st|nd|rd|th)?,?\s(?P<y4>\d{{4}})",
    re.I,
)
_UNITS: dict[str, tuple[str, Fraction]] = {  # name: what it measures, and how many of the SI unit
    alias: (kind, Fraction(size))
    for kind, size, aliases in [
        ("length", "0.001", "mm millimetre millimeter"),
        ("length", "0.01", "cm centimetre centimeter"),
        ("length", "1", "m metre meter"),
        ("length", "1000", "km kilometre kilometer"),
        ("length", "0.0254", "inch inches"),
        ("length", "0.3048", "ft foot feet"),
        ("length", "0.9144", "yd yard"),
        ("length", "1609.344", "mi mile"),
        ("mass", "0.001", "g gram"),
        ("mass", "1", "kg kilo kilogram"),
        ("mass", "0.45359237", "lb lbs pound"),
        ("mass", "0.028349523125", "oz ounce"),
        ("time", "1", "s second"),
        ("time", "60", "min minute"),
        ("time", "3600", "h hour"),
        ("time", "86400", "day"),
        ("time", "604800", "week"),
        ("volume", "0.001", "l litre liter"),
        ("volume", "0.000001", "ml millilitre milliliter"),
        ("volume", "0.003785411784", "gallon"),
    ]
    for name in aliases.split()
    for alias in (name, f"{name}s")
} | {sign: ("temperature", Fraction(1)) for sign in ("c", "f", "k", "celsius", "fahrenheit", "kelvin")}
_UNIT = r"°?([a-z]+)"
_CONVERT = re.compile(rf"(-?\d+(?:\.\d+)?) *{_UNIT} (?:in|to|into|as|are how many) {_UNIT}\b", re.I)
_HOW_MANY = re.compile(
    rf"how many {_UNIT} (?:are |is |make )?(?:there )?(?:in )?(-?\d+(?:\.\d+)?|an?) {_UNIT}\b", re.I
)
_LETTER = re.compile(
    r"how (?:many|often)\b.*?\b([a-z])(?:['’]?s)?['\"”’]? .*?\bin (?:the word )?['\"“‘]?(\w+)", re.I
)
_COUNT = re.compile(
    r"how many (letters|characters|words|vowels)\b[^:\"“']*[:\"“'] *(.+?)[\"”']?\s*\??$", re.I
)
_IN_WORD = re.compile(r"how many (letters|vowels) .*?\bin (?:the word )?['\"“‘]?(\w+)['\"”’]?\??$", re.I)
_REVERSE = re.compile(
    r"^(?:reverse|spell backwards?)\b(?: the (?:word|text))? *:? *['\"“]?(.+?)['\"”]?[.?]?$", re.I
)


@dataclass(frozen=True, slots=True)
class Computed:
    """A question as it was understood, its value, how it came about, and the value of somebody careless."""

    question: str
    value: str
    wrong: str
    steps: tuple[str, ...] = ()
    number: Fraction | None = None


def compute(prompt: str, weekdays: list[str], previous: Fraction | None = None) -> Computed | None:
    """Work out what a prompt asks for, or return None where it asks for nothing of the kind.

    `previous` is the number of the turn before, which "times 2" or "half of that" go on from.
    """
    text = prompt[:2000]
    return _counted(text) or _dated(text, weekdays) or _converted(text) or _arithmetic(text, previous)


def shown(number: Fraction) -> str:
    """Write a number: exactly where its decimals end within twelve places, else rounded."""
    if number.denominator == 1:
        return str(number.numerator)
    exact = number * 10**12
    if exact.denominator == 1:
        sign, digits = "-" if number < 0 else "", str(abs(exact.numerator)).rjust(13, "0")
        return f"{sign}{digits[:-12]}.{digits[-12:].rstrip('0')}"
    return f"{float(number):.6g}"


def _arithmetic(text: str, previous: Fraction | None) -> Computed | None:
    plain = text.casefold()
    if previous is not None:
        plain = re.sub(r"^\W*(?:and|und|et|y|и|now|then)\b", "", plain).strip(" ,.?!")
        plain = re.sub(r"^(?:double|twice)\b", "2 *", plain)
        plain = re.sub(r"^(?:halve|half(?: of)?)\b", "1/2 *", plain)
    for pattern, sign in _WORDS:
        plain = re.sub(pattern, sign, plain)
    if previous is not None:
        plain = _SAME.sub(f" ({previous}) ", plain).strip()
        if re.match(r"[+*/-]", plain):
            plain = f"({previous}) {plain}"
    runs = filter(None, (run.strip(" .,") for run in re.findall(r"(?:sqrt|[\d.+*/()\s-])+", plain)))
    size = len(re.sub(r"\s", "", plain))
    for run in sorted(runs, key=len, reverse=True)[:3]:
        covers = len(re.sub(r"\s", "", run)) / max(size, 1)
        rest = plain.rpartition(run)[2].split()  # "a 3-2-1 backup plan" is no sum
        if previous is None and covers < 0.5 and (len(rest) > 1 or not _ASKED.search(text)):
            continue
        found = _evaluated(run)
        if found is not None:
            return found
    return None


def _evaluated(run: str) -> Computed | None:
    if not 3 <= len(run) <= LONGEST:
        return None
    steps: list[str] = []
    try:
        body = ast.parse(run, mode="eval").body
        number = _value(body, steps)
    except ZeroDivisionError:
        return Computed(
            _written(run), "undefined (division by zero)", "0", ("nothing can be divided by zero",)
        )
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError):
        return None
    if not steps:
        return None
    about = "≈ " if number.denominator != 1 and (number * 10**12).denominator != 1 else ""
    slip = number + (10 if abs(number) >= 20 else 1)
    return Computed(_written(run), about + shown(number), about + shown(slip), tuple(steps), number)


def _written(run: str) -> str:
    """An expression as people write it."""
    for code, sign in (("**", "^"), ("*", "×"), ("-", "−"), ("sqrt", "√")):
        run = run.replace(code, sign)
    return re.sub(r" *([+×−/]) *", r" \1 ", re.sub(r"\((\d+)\)", r"\1", run)).strip()


def _value(node: ast.expr, steps: list[str]) -> Fraction:
    """The value of a parsed expression; ValueError for what is no arithmetic, or too large."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return Fraction(str(node.value))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand, steps)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "sqrt":
        inner = _value(node.args[0], steps)
        root = Fraction(math.isqrt(inner.numerator), math.isqrt(inner.denominator))
        if root * root != inner:
            root = Fraction(str(round(math.sqrt(inner), 9)))
        steps.append(f"√{shown(inner)} = {shown(root)}")
        return root
    if not isinstance(node, ast.BinOp) or type(node.op) not in _SIGNS:
        raise ValueError("not arithmetic")
    left, right = _value(node.left, steps), _value(node.right, steps)
    if isinstance(node.op, ast.Pow):
        size = max(left.numerator.bit_length(), left.denominator.bit_length())
        if right.denominator != 1 or abs(right) * size > LARGEST:
            raise ValueError("too large")
        result = left ** int(right)
    else:
        result = _EXACT[type(node.op)](left, right)
    if result.numerator.bit_length() > LARGEST:
        raise ValueError("too large")
    steps.append(f"{shown(left)} {_SIGNS[type(node.op)]} {shown(right)} = {shown(result)}")
    return result


def _converted(text: str) -> Computed | None:
    match = _CONVERT.search(text)
    if match:
        amount, source, target = match.groups()
    else:
        match = _HOW_MANY.search(text)
        if not match:
            return None
        target, amount, source = match.groups()
        amount = "1" if amount.lower() in ("a", "an") else amount
    known = _UNITS.get(source.lower()), _UNITS.get(target.lower())
    if known[0] is None or known[1] is None or known[0][0] != known[1][0]:
        return None
    number = Fraction(amount)
    if known[0][0] == "temperature":
        result, steps = _temperature(number, source[0].upper(), target[0].upper())
    else:
        result = number * known[0][1] / known[1][1]
        steps = (f"1 {source} = {shown(known[0][1] / known[1][1])} {target}",)
    back = number * known[1][1] / known[0][1] if result != number else number + 1
    wrong = result + 2 if known[0][0] == "temperature" else back
    return Computed(
        f"{amount} {source}", f"{shown(result)} {target}", f"{shown(wrong)} {target}", steps, result
    )


def _temperature(number: Fraction, source: str, target: str) -> tuple[Fraction, tuple[str, ...]]:
    freezing = Fraction("273.15")
    celsius = {"C": number, "F": (number - 32) * 5 / 9, "K": number - freezing}[source]
    result = {"C": celsius, "F": celsius * 9 / 5 + 32, "K": celsius + freezing}[target]
    return result, (f"{shown(number)} °{source} = {shown(celsius)} °C",)


def _dated(text: str, weekdays: list[str]) -> Computed | None:
    days = []
    for match in _DATES.finditer(text):
        year, month, day = (
            next(filter(None, (match[f"{part}{i}"] for i in ("", 2, 3, 4)))) for part in "ymd"
        )
        number = _MONTHS.index(month.lower()) + 1 if month.isalpha() else int(month)
        try:
            days.append(date(int(year), number, int(day)))
        except ValueError:
            return None
    leap = re.search(r"\b(\d{1,4}) (?:a )?(?:leap year|ein schaltjahr|bissextile|bisiesto)", text, re.I)
    if leap:
        year = int(leap[1])
        is_one = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        rules = tuple(f"{year} / {n} = {shown(Fraction(year, n))}" for n in (4, 100, 400))
        return Computed(str(year), f"{365 + is_one} d", f"{366 - is_one} d", rules)
    if len(days) >= 2:
        gap = abs((days[1] - days[0]).days)
        step = f"{gap} = {gap // 7} × 7 + {gap % 7}"
        return Computed(f"{days[0]} … {days[1]}", f"{gap} d", f"{gap + 1} d", (step,), Fraction(gap))
    if len(days) == 1:
        later = re.search(r"(\d{1,5}) days (after|before|from|since)", text, re.I)
        shift = 0 if later is None else int(later[1]) * (-1 if later[2].lower() == "before" else 1)
        try:
            day = days[0] + timedelta(days=shift)
        except OverflowError:
            return None
        said = f"{days[0]} {shift:+d}" if shift else str(day)
        name, slip = weekdays[day.weekday()], weekdays[(day.weekday() + 1) % 7]
        steps = (f"{day} = {weekdays[0]} + {day.weekday()}",)
        return Computed(said, f"{name}, {day}" if shift else name, f"{slip}, {day}" if shift else slip, steps)
    return None


def _counted(text: str) -> Computed | None:
    if match := _IN_WORD.search(text) or _COUNT.search(text):
        kind, given = match[1].lower(), match[2].strip()
        parts = {
            "letters": [sign for sign in given if sign.isalpha()],
            "characters": list(given),
            "words": given.split(),
            "vowels": [sign for sign in given if sign.lower() in "aeiou"],
        }[kind]
    elif match := _LETTER.search(text):
        kind, given = match[1].lower(), match[2]
        parts = [sign for sign in given if sign.lower() == kind]
    elif match := _REVERSE.search(text.strip()):
        given = match[1][:200]
        return Computed(f"“{given}” ←", given[::-1], given[::-1].title(), (" ".join(given[::-1]),))
    else:
        return None
    count = len(parts)
    step = " · ".join(parts[:40]) or "–"
    return Computed(f"{kind}, “{given[:80]}”", str(count), str(count + 1), (step,), Fraction(count))
