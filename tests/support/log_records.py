"""Records of an arena for the tests of the log: what matters is given, the rest is something plausible."""

import uuid
from datetime import UTC, datetime
from itertools import combinations

import duckdb

from agon.data.log.records import BattleRecord, GenerationRecord, VoteRecord

NOON = datetime(2026, 11, 21, 12, 0, 0, 250000, tzinfo=UTC)
# Which the schema has since 10, 11 and 12.
PEOPLE_TABLES = (
    "withdrawals",
    "erasures",
    "shares",
    "revocations",
    "remarks",
    "roster",
    "consent_texts",
    "consents",
)
MODELS = ("ada", "bob", "cyn", "dan")


def battle(models=("ada", "bob"), battle_id=None, **changes):
    """A battle that was just drawn."""
    pairs = len(list(combinations(models, 2)))
    given = {
        "battle_id": battle_id or uuid.uuid4().hex,
        "created": NOON,
        "models": tuple(models),
        "prompt": "Why is the sky blue?",
        "policy": "uniform",
        "policy_version": 1,
        "group_probability": 1 / 6,
        "pair_probabilities": (1 / 6,) * pairs,
        "seed": 2**64 + 1,
        "voter": "v1",
    }
    return BattleRecord(**(given | changes))


def vote(battle_id, places=(1, 2), acceptable=None, **changes):
    """A vote on it."""
    given = {"last_turn": 1, "voter": "v1", "created": NOON}
    return VoteRecord(battle_id=battle_id, places=places, acceptable=acceptable, **(given | changes))


def answer(battle_id, slot=0, model="ada", **changes):
    """An answer in it."""
    given = {"turn": 1, "text": "Rayleigh.", "tokens": 3, "seconds": 0.5, "created": NOON}
    return GenerationRecord(battle_id=battle_id, slot=slot, model=model, **(given | changes))


def put(log, *records):
    """Hand records over and wait until all are safe."""
    return [future.result(30) for future in [log.write(record) for record in records]]


def voted(log, models, places, acceptable=None, **changes):
    """A battle and its vote; `changes` are the battle's."""
    drawn = battle(models, **changes)
    put(log, drawn, vote(drawn.battle_id, places, acceptable, voter=drawn.voter))
    return drawn.battle_id


def drop_lookups(connection):
    """Take the indexes away, which older versions did not have, and which hold columns fast."""
    for (name,) in connection.execute("SELECT index_name FROM duckdb_indexes()").fetchall():
        connection.execute(f"DROP INDEX {name}")


def without_events(folder):
    """Make a log that is closed one of an older version, which had no events."""
    for name in ("events.jsonl", "texts.jsonl", "events.head", "agon.lock"):
        (folder / name).unlink()
    with duckdb.connect(str(folder / "agon.duckdb")) as connection:
        drop_lookups(connection)
        for table in ("head", *PEOPLE_TABLES):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("ALTER TABLE votes DROP COLUMN testing")
        connection.execute("ALTER TABLE votes DROP COLUMN network")
        connection.execute("DELETE FROM migrations WHERE version >= 9")
