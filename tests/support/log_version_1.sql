-- The first version of the log with one vote, as it was released. Never edit it: old logs do not change.
CREATE TABLE migrations (version INTEGER PRIMARY KEY, applied TIMESTAMP NOT NULL);
CREATE TABLE shown (shown INTEGER PRIMARY KEY, models VARCHAR[] NOT NULL);
CREATE TABLE verdicts (verdict INTEGER PRIMARY KEY, places UTINYINT[] NOT NULL, acceptable BOOLEAN[]);
CREATE TABLE battles (battle_id UUID PRIMARY KEY, created TIMESTAMP NOT NULL, shown INTEGER NOT NULL,
    prompt_id VARCHAR, category VARCHAR, language VARCHAR, policy VARCHAR NOT NULL,
    policy_version INTEGER NOT NULL, group_probability DOUBLE NOT NULL, pair_probabilities DOUBLE[] NOT NULL,
    seed HUGEINT NOT NULL, voter VARCHAR NOT NULL);
CREATE TABLE turns (battle_id UUID NOT NULL, turn USMALLINT NOT NULL, created TIMESTAMP NOT NULL,
    prompt VARCHAR NOT NULL, PRIMARY KEY (battle_id, turn));
CREATE TABLE generations (battle_id UUID NOT NULL, turn USMALLINT NOT NULL, slot UTINYINT NOT NULL,
    model VARCHAR NOT NULL, created TIMESTAMP NOT NULL, text VARCHAR NOT NULL, tokens UINTEGER NOT NULL,
    seconds DOUBLE NOT NULL, time_to_first_token DOUBLE, tokens_per_second DOUBLE, finish_reason VARCHAR,
    failure VARCHAR, detail VARCHAR, PRIMARY KEY (battle_id, turn, slot, model));
CREATE TABLE replacements (battle_id UUID NOT NULL, slot UTINYINT NOT NULL, attempt UTINYINT NOT NULL,
    model VARCHAR NOT NULL, probability DOUBLE NOT NULL, created TIMESTAMP NOT NULL,
    PRIMARY KEY (battle_id, slot, attempt));
CREATE TABLE votes (number BIGINT NOT NULL, battle_id UUID PRIMARY KEY, shown INTEGER NOT NULL,
    verdict INTEGER NOT NULL, prompt_id VARCHAR, category VARCHAR, language VARCHAR,
    last_turn USMALLINT NOT NULL, voter VARCHAR NOT NULL, reasons VARCHAR[] NOT NULL,
    created TIMESTAMP NOT NULL);

INSERT INTO migrations VALUES (1, TIMESTAMP '2026-11-21 12:00:00');
INSERT INTO shown VALUES (1, ['ada', 'bob']);
INSERT INTO verdicts VALUES (1, [1, 2], NULL);
INSERT INTO battles VALUES ('0123456789abcdef0123456789abcdef', TIMESTAMP '2026-11-21 12:00:00', 1, NULL, 'code',
    'en', 'uniform', 1, 0.5, [0.5], 7, 'v1');
INSERT INTO turns VALUES ('0123456789abcdef0123456789abcdef', 1, TIMESTAMP '2026-11-21 12:00:00', 'Why?');
INSERT INTO votes VALUES (1, '0123456789abcdef0123456789abcdef', 1, 1, NULL, 'code', 'en', 1, 'v1', [],
    TIMESTAMP '2026-11-21 12:01:00');
