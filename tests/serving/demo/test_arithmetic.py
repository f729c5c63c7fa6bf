"""What is worked out from a prompt: against Python's own fractions, published facts, and within bounds."""

import itertools
import random
import time
from fractions import Fraction

import pytest

from agon.serving.demo.arithmetic import compute, shown

WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def value(prompt, previous=None):
    found = compute(prompt, WEEKDAYS, previous)
    return None if found is None else found.value


def test_arithmetic_is_that_of_exact_fractions():
    draw = random.Random(7)
    for _ in range(200):
        numbers = [draw.randint(0, 99) for _ in range(4)]
        a, b, c, d = (f"Fraction({n})" for n in numbers)
        signs = [draw.choice("+-*/") for _ in range(3)]
        try:
            want = eval(f"({a} {signs[0]} {b}) {signs[1]} {c} {signs[2]} {d}", {"Fraction": Fraction})
        except ZeroDivisionError:
            continue
        a, b, c, d = numbers
        found = compute(f"What is ({a} {signs[0]} {b}) {signs[1]} {c} {signs[2]} {d}?", WEEKDAYS)
        assert found.number == want
        assert found.wrong != found.value


@pytest.mark.parametrize(
    ("prompt", "want"),
    [
        ("17 x 23", "391"),
        ("what is 15% of 240", "36"),
        ("Was ist 12 mal 12?", "144"),
        ("Combien font 3,5 fois 2 ?", "7"),
        ("¿Cuánto es 81 dividido por 3?", "27"),
        ("сколько будет 7 умножить на 8?", "56"),
        ("What is the square root of 144?", "12"),
        ("what is 0.1 + 0.2?", "0.3"),
        ("2^10 =", "1024"),
        ("1/0", "undefined (division by zero)"),
        ("What weekday was 14 July 1789?", "Tuesday"),  # the storming of the Bastille
        ("What weekday was 1969-07-20?", "Sunday"),  # the first landing on the Moon
        ("days between 2024-01-01 and 2025-01-01", "366 d"),
        ("100 days after 2024-01-01", "Wednesday, 2024-04-10"),
        ("Is 1900 a leap year?", "365 d"),
        ("Is 2000 a leap year?", "366 d"),
        ("How many r's are in strawberry?", "3"),
        ("How many words are in: the quick brown fox", "4"),
        ("how many vowels in 'banana'?", "3"),
        ("reverse 'hello'", "olleh"),
        ("10 miles in km", "16.09344 km"),  # the international mile is 1609.344 m
        ("how many feet are in 3 miles?", "15840 feet"),
        ("100 C to F", "212 F"),
        ("-40 F to C", "-40 C"),
    ],
)
def test_known_values(prompt, want):
    assert value(prompt) == want


@pytest.mark.parametrize(
    ("prompt", "want"),
    [
        ("times 2", "782"),
        ("and divide that by 4", "97.75"),
        ("double it", "782"),
        ("half of that", "195.5"),
        ("add 9", "400"),
    ],
)
def test_a_further_turn_goes_on_from_the_number_before(prompt, want):
    assert value(prompt, Fraction(391)) == want


@pytest.mark.parametrize(
    "prompt",
    [
        "Tell me about 24/7 shops",
        "What is the best 3-2-1 backup plan?",
        "call 555-1234 today please my friend",
        "__import__('os').system('true')",
        "what is 9**9**9**9",
        "2^100000",
        "what is " + "(" * 5000 + "1" + ")" * 5000,
        "What is " + "1+" * 5000 + "1",
        "What weekday was 2023-02-30?",
        "Why is the sky blue?",
        "5 kg in miles",
    ],
)
def test_what_is_no_sum_or_too_large_is_left_alone_at_once(prompt):
    start = time.perf_counter()
    assert value(prompt) is None
    assert time.perf_counter() - start < 1


def test_numbers_are_written_exactly_where_they_can_be():
    assert [shown(Fraction(n)) for n in ("0", "-0.5", "1e-12", "12345678901234567890")] == [
        "0",
        "-0.5",
        "0.000000000001",
        "12345678901234567890",
    ]
    assert shown(Fraction(10, 3)) == "3.33333"
    for a, b in itertools.product(range(1, 30), range(1, 30)):
        assert abs(float(shown(Fraction(a, b))) - a / b) < 1e-4
