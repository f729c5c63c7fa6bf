"""The versions of the log's schema: a new log is made by schema.sql, an older one is brought up step by step.

A step is SQL that turns the version before it into its own; schema.sql is changed in the same commit, and a
test compares the two ways. Steps are never edited once they were released. A database that is made anew of
its events has null where a later version added a column: a step from 9 on may add what is null, or tables,
and no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.resources import files
from typing import TYPE_CHECKING

from agon.data.files.covariates import MEASURES, counted_in
from agon.data.log.records import LogError

if TYPE_CHECKING:
    import duckdb

# What can be controlled for, with the votes; counted in the answers of older votes as in those of new ones.
FEATURES = f"""
    {"".join(f"ALTER TABLE votes ADD COLUMN {name} UINTEGER[];" for name in MEASURES)}
    UPDATE votes SET {", ".join(f"{name} = counted.{name}" for name in MEASURES)} FROM (
        SELECT battle_id, {", ".join(f"list({name} ORDER BY slot) AS {name}" for name in MEASURES)} FROM (
            SELECT s.battle_id, s.slot,
                {", ".join(f"sum({counted_in(name, 'text')})::UINTEGER AS {name}" for name in MEASURES)}
            FROM (SELECT battle_id, last_turn, generate_subscripts(models, 1) - 1 AS slot,
                    unnest(models) AS model
                FROM votes JOIN shown USING (shown)) AS s
            LEFT JOIN generations AS g ON g.battle_id = s.battle_id AND g.slot = s.slot
                AND g.model = s.model AND g.turn <= s.last_turn AND g.failure IS NULL
            GROUP BY ALL)
        GROUP BY battle_id HAVING count(length) > 0) AS counted
    WHERE counted.battle_id = votes.battle_id"""
# The tables and columns of lineups and ballots by their names of today.
_NAMES = """
    ALTER TABLE shown RENAME TO lineups;
    ALTER TABLE lineups RENAME shown TO lineup;
    ALTER TABLE verdicts RENAME TO ballots;
    ALTER TABLE ballots RENAME verdict TO ballot;
    ALTER TABLE battles RENAME shown TO lineup;
    ALTER TABLE votes RENAME shown TO lineup;
    ALTER TABLE votes RENAME verdict TO ballot"""
# What is kept apart from an answer; of older answers it is not known.
APART = """
    ALTER TABLE generations ADD COLUMN reasoning VARCHAR;
    ALTER TABLE generations ADD COLUMN reasoning_tokens UINTEGER;
    ALTER TABLE generations ADD COLUMN masked VARCHAR[];
    ALTER TABLE generations ADD COLUMN waited DOUBLE"""
# Whether a vote was blind: not if its battle showed again, to the same prompt, an answer whose name the
# person was told after an earlier vote. Of older votes the log can tell, too.
_BLIND = """
    ALTER TABLE votes ADD COLUMN blind BOOLEAN;
    UPDATE votes SET blind = battle_id NOT IN (
        SELECT later.battle_id FROM votes AS later
        JOIN votes AS earlier ON earlier.voter = later.voter AND earlier.number < later.number
        JOIN turns AS asked ON asked.battle_id = earlier.battle_id AND asked.turn = 1
        JOIN turns AS again ON again.battle_id = later.battle_id AND again.turn = 1
            AND again.prompt = asked.prompt
        JOIN generations AS told ON told.battle_id = earlier.battle_id AND told.turn = 1
            AND told.failure IS NULL
        JOIN generations AS shown ON shown.battle_id = later.battle_id AND shown.turn = 1
            AND shown.failure IS NULL AND shown.model = told.model AND shown.text = told.text)"""
# What a study adds.
_STUDIES = """
    ALTER TABLE votes ADD COLUMN ratings UTINYINT[];
    ALTER TABLE votes ADD COLUMN comment VARCHAR;
    CREATE TABLE assignments (
        battle_id UUID PRIMARY KEY, study VARCHAR NOT NULL, seat USMALLINT NOT NULL, cell UINTEGER NOT NULL,
        attempt USMALLINT NOT NULL, UNIQUE (study, seat, cell, attempt));
    CREATE TABLE criterion_votes (
        battle_id UUID NOT NULL, criterion VARCHAR NOT NULL, ballot INTEGER NOT NULL,
        PRIMARY KEY (battle_id, criterion));
    CREATE TABLE skips (battle_id UUID PRIMARY KEY, reason VARCHAR NOT NULL, created TIMESTAMP NOT NULL);
    CREATE TABLE attention_checks (
        study VARCHAR NOT NULL, seat USMALLINT NOT NULL, item USMALLINT NOT NULL, voter VARCHAR NOT NULL,
        created TIMESTAMP NOT NULL, prompt VARCHAR NOT NULL, answers VARCHAR[] NOT NULL,
        best UTINYINT NOT NULL, places UTINYINT[], passed BOOLEAN NOT NULL,
        PRIMARY KEY (study, seat, item))"""
# Votes of A/A battles, of which older logs have none.
_SAME_MODEL = "ALTER TABLE votes ADD COLUMN same_model BOOLEAN"
# Images of prompts, of which older logs have none.
_IMAGES = "ALTER TABLE turns ADD COLUMN images VARCHAR[]; ALTER TABLE turns ADD COLUMN image_alts VARCHAR[]"
# How far the database follows the chain of events.
_HEAD = """
    CREATE TABLE head (
        events BIGINT NOT NULL, size BIGINT NOT NULL, hash VARCHAR NOT NULL, beside BIGINT NOT NULL)"""
# What people did with what is theirs.
_PEOPLE = """
    CREATE TABLE withdrawals (
        withdrawal BIGINT NOT NULL, number BIGINT NOT NULL, battle_id UUID PRIMARY KEY,
        reason VARCHAR NOT NULL, created TIMESTAMP NOT NULL);
    CREATE TABLE erasures (
        battle_id UUID PRIMARY KEY, reason VARCHAR NOT NULL, created TIMESTAMP NOT NULL);
    CREATE TABLE shares (link VARCHAR PRIMARY KEY, battle_id UUID NOT NULL, created TIMESTAMP NOT NULL);
    CREATE TABLE revocations (
        link VARCHAR PRIMARY KEY, battle_id UUID NOT NULL, created TIMESTAMP NOT NULL)"""
# What voters said of their votes afterwards.
_REMARKS = """
    CREATE TABLE remarks (
        battle_id UUID NOT NULL, reasons VARCHAR[] NOT NULL, comment VARCHAR, created TIMESTAMP NOT NULL)"""
# What became of the models, and the votes on those in testing, of which older logs have none.
_ROSTER = """
    ALTER TABLE votes ADD COLUMN testing BOOLEAN;
    CREATE TABLE roster (model VARCHAR NOT NULL, status VARCHAR NOT NULL, created TIMESTAMP NOT NULL)"""
# From which network votes of one day were cast, by a key that was thrown away; of older ones it is not known.
_NETWORKS = "ALTER TABLE votes ADD COLUMN network VARCHAR"
# What people are asked to agree to, and who did; of older ones nothing was asked.
_CONSENT = """
    CREATE TABLE consent_texts (
        created TIMESTAMP NOT NULL, languages VARCHAR[] NOT NULL, texts VARCHAR[] NOT NULL);
    CREATE TABLE consents (
        voter VARCHAR NOT NULL, text VARCHAR NOT NULL, language VARCHAR NOT NULL, given BOOLEAN NOT NULL,
        created TIMESTAMP NOT NULL)"""
# Version → the SQL that makes it of the one before.
STEPS: Mapping[int, str] = {
    2: FEATURES,
    3: _NAMES,
    4: APART,
    5: _BLIND,
    6: _STUDIES,
    7: _SAME_MODEL,
    8: _IMAGES,
    9: _HEAD,
    10: _PEOPLE,
    11: _REMARKS,
    12: _ROSTER,
    13: _NETWORKS,
    14: _CONSENT,
}
SCHEMA_VERSION = max(STEPS, default=1)


def migrate(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    """Bring a database to the current version, in one transaction.

    Args:
        connection: to the database, which may be empty.
        name: what messages call it.

    Returns:
        The version it had: 0 if it was empty.

    Raises:
        LogError: it was written by a newer version of Agon, or is no log at all.
    """
    found = version(connection, name)
    if found == SCHEMA_VERSION:
        return found
    steps = [STEPS[number] for number in range(found + 1, SCHEMA_VERSION + 1)] if found else [schema()]
    connection.execute("BEGIN")
    for step in steps:
        connection.execute(step)
    add_versions(connection, found)
    connection.execute("COMMIT")
    return found


def add_versions(connection: duckdb.DuckDBPyConnection, found: int) -> None:
    """Note that a database of an older version is of this one now."""
    moment = datetime.now(UTC).replace(tzinfo=None)
    for number in range(found + 1, SCHEMA_VERSION + 1):
        connection.execute("INSERT INTO migrations VALUES (?, ?)", [number, moment])


def version(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    """Say which version a database has, 0 if it is empty.

    Raises:
        LogError: it is newer than this program, or other tables are in it.
    """
    rows = connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    if not rows:
        return 0
    if ("migrations",) not in rows:
        raise LogError(f"{name} is a database of something else, not a vote log; name another folder.")
    found = connection.execute("SELECT max(version) FROM migrations").fetchone()
    number = int(found[0]) if found and found[0] else 0
    refuse_newer(name, number)
    return number


def refuse_newer(name: str, number: int) -> None:
    """Refuse the schema of a version to come.

    Raises:
        LogError: it is one.
    """
    if number > SCHEMA_VERSION:
        raise LogError(
            f"{name} was written by a newer version of Agon (its schema is {number}, this version knows "
            f"{SCHEMA_VERSION}); upgrade Agon, or name another folder. Nothing was changed."
        )


def schema() -> str:
    """The SQL of schema.sql."""
    return (files("agon.data.log") / "schema.sql").read_text(encoding="utf-8")
