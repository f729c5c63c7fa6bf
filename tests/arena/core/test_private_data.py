"""What looks private is covered before a battle is shown to others; what is none stays as it is."""

import time

import pytest

from agon.arena.core.visitors.private_data import COVER, cover_private

PRIVATE = [
    ("Write to me@example.org or to j.doe+x@mail.co.uk.", "Write to # or to #.", {"e-mail address": 2}),
    ("**jo@example.org**, <mailto:jo@example.org>", "**#**, <mailto:#>", {"e-mail address": 2}),
    ("Call +49 170 1234567 or 0049-170-1234567.", "Call # or #.", {"phone number": 2}),
    ("(030) 123456, 030/1234567, 555-123-4567", "#, #, #", {"phone number": 3}),
    ("sk-abcDEF1234567890abcd and ghp_abcdefghij0123456789", "# and #", {"key": 2}),
    ('password: hunter22x, api_key = "a1b2c3d4e5"', 'password: #, api_key = "#"', {"key": 2}),
    ("postgres://bob:s3cret@db.host/x", "postgres://bob:#@db.host/x", {"key": 1}),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- end", "# end", {"key": 1}),
    ("4111 1111 1111 1111", "#", {"number": 1}),
    ("DE89 3704 0044 0532 0130 00", "#", {"account": 1}),
    ("from 192.168.1.10", "from #", {"network address": 1}),
]
FINE = (
    "In 1999 there were 1,234,567 people; pi is 3.14159265358979.",
    "On 2026-11-30 at 12:00, 30.11.2026; x_{1234567} = \\frac{0123}{456}",
    "The token economy is password protected; 0 1 2 3 4 5 6 7 8 9 10 11",
    "10^15 = 1000000000000000 and 12345678901234567890; a@b; ISBN 978-3-16-148410-0",
    "http://example.org/a-very-long-path-without-any-digit/yes?or=no",
)


@pytest.mark.parametrize(("text", "meant", "kinds"), PRIVATE)
def test_what_looks_private_is_covered_and_counted(text, meant, kinds):
    assert cover_private(text) == (meant.replace("#", COVER), kinds)
    assert cover_private(meant.replace("#", COVER)) == (meant.replace("#", COVER), {}), "and only once"


@pytest.mark.parametrize("text", FINE)
def test_what_is_not_private_stays(text):
    assert cover_private(text) == (text, {})


def test_no_text_takes_long():
    """Patterns that try every beginning against every end took 40 s of the first of these."""
    for text in ("x@" + "a-" * 50_000, "a.b@" * 20_000, "0 " * 50_000, "A1B2 " * 20_000, "a" * 100_000):
        began = time.process_time()
        cover_private(text)
        assert time.process_time() - began < 5
