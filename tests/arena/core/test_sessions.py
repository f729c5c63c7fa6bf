"""Cookies, pseudonyms and vote tokens: what we did not sign is worth nothing."""

import asyncio
import secrets
import stat
from collections import defaultdict

import pytest

from agon.arena.core import sessions as identity
from agon.arena.core.sessions import TOKEN_SECONDS, DailyHash, KeyFileError, Keys

KEYS = Keys(b"k" * 32)
SESSION = KEYS.session(KEYS.new_session())


def test_a_cookie_proves_the_session_it_was_made_for():
    cookie = KEYS.new_session()
    assert KEYS.session(cookie) == cookie.partition(".")[0]
    assert KEYS.new_session() != cookie


@pytest.mark.parametrize(
    "cookie",
    [None, "", ".", "abc", "abc.", "abc.def", ".def", "a.b.c", "é.ü", "\ud800.x"],
)
def test_a_cookie_that_we_did_not_sign_is_nobodys(cookie):
    assert KEYS.session(cookie) is None


def test_a_cookie_with_one_letter_more_is_nobodys():
    assert KEYS.session(KEYS.new_session() + "0") is None


def test_other_keys_prove_nothing():
    assert Keys(b"x" * 32).session(KEYS.new_session()) is None


def test_the_pseudonym_is_steady_and_hides_the_session():
    assert KEYS.voter(SESSION) == KEYS.voter(SESSION)
    assert KEYS.voter(SESSION) != Keys(b"x" * 32).voter(SESSION)
    assert SESSION not in KEYS.voter(SESSION)


def test_a_vote_token_is_of_one_battle_turn_and_session():
    token = KEYS.vote_token("battle", 1, SESSION)
    assert KEYS.may_vote(token, "battle", 1, SESSION)
    assert not KEYS.may_vote(token, "other", 1, SESSION)
    assert not KEYS.may_vote(token, "battle", 2, SESSION)
    assert not KEYS.may_vote(token, "battle", 1, "another")
    later = token.partition(".")[2]
    assert not KEYS.may_vote(f"{10**12}.{later}", "battle", 1, SESSION)
    for forged in ("", ".", "1.2", "x." + later, token + "0", token.upper()):
        assert not KEYS.may_vote(forged, "battle", 1, SESSION)


def test_a_vote_token_grows_too_old(monkeypatch):
    token = KEYS.vote_token("battle", 1, SESSION)
    now = identity.time.time()
    monkeypatch.setattr(identity.time, "time", lambda: now + TOKEN_SECONDS + 2)
    assert not KEYS.may_vote(token, "battle", 1, SESSION)


def test_the_secret_of_a_folder_is_made_once_and_private(tmp_path):
    first, again = Keys.of_folder(tmp_path), Keys.of_folder(tmp_path)
    assert again.session(first.new_session())
    assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600


def test_a_short_secret_is_refused(tmp_path):
    (tmp_path / "secret.key").write_bytes(b"short")
    with pytest.raises(KeyFileError, match="5 bytes where 32 are needed"):
        Keys.of_folder(tmp_path)


def test_a_networks_hash_is_of_one_day_and_of_all_processes_of_a_store(monkeypatch):
    day, keys = [20_000], defaultdict(lambda: secrets.token_bytes(32))
    monkeypatch.setattr("agon.arena.core.sessions.today", lambda: day[0])
    here, there, elsewhere = DailyHash(keys.__getitem__), DailyHash(keys.__getitem__), DailyHash(bytes)

    def of(which, network):
        return asyncio.run(which.of(network))

    first = of(here, "192.0.2.0/24")
    assert first == of(here, "192.0.2.0/24") == of(there, "192.0.2.0/24")
    assert first not in (of(here, "198.51.100.0/24"), of(elsewhere, "192.0.2.0/24"))
    day[0] += 1
    assert of(here, "192.0.2.0/24") == of(there, "192.0.2.0/24") != first
    assert of(here, "") is of(here, "?") is None
