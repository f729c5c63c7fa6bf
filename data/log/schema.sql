-- The vote log: what was drawn, asked, answered and voted. Rows are only ever added; all times are UTC.
-- docs/data.md explains the same columns at more length. How an older log becomes this one: migrations.py.

CREATE TABLE migrations (
    version INTEGER PRIMARY KEY, -- of the schema; the largest is the log's
    applied TIMESTAMP NOT NULL   -- when the log came to have it
);

-- How far the other tables follow the events of the log, events.jsonl, which are what holds.
CREATE TABLE head (
    events BIGINT NOT NULL, -- how many
    size BIGINT NOT NULL,   -- bytes of them
    hash VARCHAR NOT NULL,  -- of the last one
    beside BIGINT NOT NULL  -- bytes of the texts beside them
);

-- Lineups and ballots stand here once, and votes carry their numbers: ten million votes are counted by number
-- in a tenth of a second, by name in three seconds.
CREATE TABLE lineups (
    lineup INTEGER PRIMARY KEY, -- number of the lineup
    models VARCHAR[] NOT NULL   -- names in the order shown; the place in the list, from 0, is the slot
);

CREATE TABLE ballots (
    ballot INTEGER PRIMARY KEY,  -- number of the ballot
    places UTINYINT[] NOT NULL,  -- parallel to the models: 1 is best, equal is a tie, null not ranked
    acceptable BOOLEAN[]         -- parallel to them; null if the voter was not asked
);

CREATE TABLE battles (
    battle_id UUID PRIMARY KEY,           -- of the battle
    created TIMESTAMP NOT NULL,           -- when it was drawn
    lineup INTEGER NOT NULL,              -- the models drawn: lineups.lineup
    prompt_id VARCHAR,                    -- of the first prompt, if it has one
    category VARCHAR,                     -- of the first prompt, if it is known
    language VARCHAR,                     -- of the first prompt, if it is known
    policy VARCHAR NOT NULL,              -- who drew
    policy_version INTEGER NOT NULL,      -- in which version
    group_probability DOUBLE NOT NULL,    -- that the policy draws these models, whatever their order
    pair_probabilities DOUBLE[] NOT NULL, -- that it draws both of a pair: (0, 1), (0, 2), ... (1, 2), ...
    seed HUGEINT NOT NULL,                -- of the draw
    voter VARCHAR NOT NULL                -- pseudonym of the person it was drawn for
);

CREATE TABLE turns (
    battle_id UUID NOT NULL,    -- of the battle
    turn USMALLINT NOT NULL,    -- from 1
    created TIMESTAMP NOT NULL, -- when it was asked
    prompt VARCHAR NOT NULL,    -- what was asked
    images VARCHAR[],           -- SHA-256 of the images it was asked with, which are files of the store; none: null or empty
    image_alts VARCHAR[],       -- parallel to them: what the voter wrote for those who cannot see one; null if nothing
    PRIMARY KEY (battle_id, turn)
);

CREATE TABLE generations (
    battle_id UUID NOT NULL,    -- of the battle
    turn USMALLINT NOT NULL,    -- the turn it answers
    slot UTINYINT NOT NULL,     -- the side, from 0
    model VARCHAR NOT NULL,     -- who answered
    created TIMESTAMP NOT NULL, -- when it ended
    text VARCHAR NOT NULL,      -- the answer, or what there was of it
    tokens UINTEGER NOT NULL,   -- in the answer
    seconds DOUBLE NOT NULL,    -- from the request to the end
    time_to_first_token DOUBLE, -- in seconds; null if there was none
    tokens_per_second DOUBLE,   -- after the first one; null if there was nothing to divide
    finish_reason VARCHAR,      -- as the server says, or "stopped" by the voter; null if it said nothing
    failure VARCHAR,            -- the kind of failure; null if the answer may be judged
    detail VARCHAR,             -- what the server said of the failure
    reasoning VARCHAR,          -- what the model thought before the answer; null if nothing was sent
    reasoning_tokens UINTEGER,  -- in it
    masked VARCHAR[],           -- names of its own that the answer gave and the voter did not see, in order
    waited DOUBLE,              -- seconds in line before the request; null if it was not measured
    PRIMARY KEY (battle_id, turn, slot, model)
);

CREATE TABLE replacements (
    battle_id UUID NOT NULL,     -- of the battle
    slot UTINYINT NOT NULL,      -- the side that failed
    attempt UTINYINT NOT NULL,   -- from 1; the last one's model is the one shown
    model VARCHAR NOT NULL,      -- who took the side
    probability DOUBLE NOT NULL, -- that this model was drawn among those who could
    created TIMESTAMP NOT NULL,  -- when it did
    PRIMARY KEY (battle_id, slot, attempt)
);

CREATE TABLE votes (
    number BIGINT NOT NULL,        -- of the vote, from 1 without gaps, in the order of the commits
    battle_id UUID PRIMARY KEY,    -- of the battle: one vote each
    lineup INTEGER NOT NULL,       -- the models voted on, replacements included: lineups.lineup
    ballot INTEGER NOT NULL,       -- what the vote says of them: ballots.ballot
    prompt_id VARCHAR,             -- as the battle has it, so that a board reads one table
    category VARCHAR,              -- likewise
    language VARCHAR,              -- likewise
    last_turn USMALLINT NOT NULL,  -- the last turn shown when the vote was cast
    voter VARCHAR NOT NULL,        -- pseudonym of the person who voted
    reasons VARCHAR[] NOT NULL,    -- chosen by the voter, often none
    created TIMESTAMP NOT NULL,    -- when it was cast
    -- What the voter saw of each answer, over all turns up to the last one shown, so that a board needs no texts:
    length UINTEGER[],             -- characters, parallel to the models; null where the log has no answer
    headers UINTEGER[],            -- Markdown headers, likewise
    lists UINTEGER[],              -- items of lists, likewise
    bold UINTEGER[],               -- bold passages, likewise
    citations UINTEGER[],          -- links and [1], likewise
    blind BOOLEAN,                 -- false if the voter had been told before who wrote an answer: it does not count
    ratings UTINYINT[],            -- of a study, 1 to 7, parallel to the models; null where the voter gave none
    comment VARCHAR,               -- of the voter in a study; null if there is none
    same_model BOOLEAN,            -- true if one model was drawn twice (an A/A battle): it counts on no board
    testing BOOLEAN,               -- true if a model in testing was drawn: it counts on no board; else null
    network VARCHAR                -- keyed hash of the network it was cast from, of that day alone; null if not known, or erased
);

-- What a study adds. Its attention items, whose best answer is known, are no battles and count on no board.
CREATE TABLE assignments (
    battle_id UUID PRIMARY KEY, -- of the battle
    study VARCHAR NOT NULL,     -- name of the study
    seat USMALLINT NOT NULL,    -- number of the voter in it, from 1
    cell UINTEGER NOT NULL,     -- number of the prompt with its group of models, from 1
    attempt USMALLINT NOT NULL, -- from 1: a battle whose answers failed is drawn anew
    UNIQUE (study, seat, cell, attempt)
);

CREATE TABLE criterion_votes (
    battle_id UUID NOT NULL,    -- of the vote
    criterion VARCHAR NOT NULL, -- what the answers were compared by
    ballot INTEGER NOT NULL,    -- what the voter said: ballots.ballot
    PRIMARY KEY (battle_id, criterion)
);

CREATE TABLE skips (
    battle_id UUID PRIMARY KEY, -- of the battle that was not judged
    reason VARCHAR NOT NULL,    -- given by the voter
    created TIMESTAMP NOT NULL  -- when it was skipped
);

CREATE TABLE attention_checks (
    study VARCHAR NOT NULL,      -- name of the study
    seat USMALLINT NOT NULL,     -- number of the voter in it
    item USMALLINT NOT NULL,     -- number of the item in the study, from 1
    voter VARCHAR NOT NULL,      -- pseudonym of the person
    created TIMESTAMP NOT NULL,  -- when it was judged or skipped
    prompt VARCHAR NOT NULL,     -- what was asked
    answers VARCHAR[] NOT NULL,  -- in the order shown
    best UTINYINT NOT NULL,      -- the slot of the answer that is known to be the best, from 0
    places UTINYINT[],           -- as of a ballot; null if it was skipped
    passed BOOLEAN NOT NULL,     -- whether the best one stands above all others
    PRIMARY KEY (study, seat, item)
);

-- What people did with what is theirs. A vote that was withdrawn stays where it is, and counts on no board.
CREATE TABLE withdrawals (
    withdrawal BIGINT NOT NULL, -- of the withdrawal, from 1 without gaps, in the order of the commits
    number BIGINT NOT NULL,     -- of the vote: votes.number
    battle_id UUID PRIMARY KEY, -- of the battle, which takes no other vote
    reason VARCHAR NOT NULL,    -- who wanted it: "voter" or "operator"
    created TIMESTAMP NOT NULL  -- when it was withdrawn
);

CREATE TABLE erasures (
    battle_id UUID PRIMARY KEY, -- of the battle whose prompts, answers and comments were erased
    reason VARCHAR NOT NULL,    -- who wanted it: "voter", "operator", or "retention"
    created TIMESTAMP NOT NULL  -- when that was
);

CREATE TABLE shares (
    link VARCHAR PRIMARY KEY,  -- SHA-256 of what the address of the page ends with
    battle_id UUID NOT NULL,   -- of the battle that its voter shows to whoever has the address
    created TIMESTAMP NOT NULL -- when it was published
);

CREATE TABLE revocations (
    link VARCHAR PRIMARY KEY,  -- the page that is shown no more: shares.link
    battle_id UUID NOT NULL,   -- of the battle
    created TIMESTAMP NOT NULL -- when that was
);

-- What voters said of their votes afterwards; of a battle the last row holds.
CREATE TABLE remarks (
    battle_id UUID NOT NULL,    -- of the battle, which has its vote
    reasons VARCHAR[] NOT NULL, -- chosen by the voter of a few; none where they were erased
    comment VARCHAR,            -- in the voter's words; null if there is none, or it was erased
    created TIMESTAMP NOT NULL  -- when it was sent
);

-- What the organiser says of the models; of a model the last row holds, until the next one.
CREATE TABLE roster (
    model VARCHAR NOT NULL,    -- name
    status VARCHAR NOT NULL,   -- "testing", "listed", "paused", or "retired"
    created TIMESTAMP NOT NULL -- since when
);

-- What people are asked to agree to before anything of theirs is kept; the last row holds, until the next one.
CREATE TABLE consent_texts (
    created TIMESTAMP NOT NULL,   -- since when
    languages VARCHAR[] NOT NULL, -- of the texts, such as "en"; none: from now on nothing is asked
    texts VARCHAR[] NOT NULL      -- parallel to them: each says the same, and a person agrees to one
);

CREATE TABLE consents (
    voter VARCHAR NOT NULL,    -- pseudonym of the person
    text VARCHAR NOT NULL,     -- SHA-256 of the text that was shown, in hexadecimal
    language VARCHAR NOT NULL, -- of that text
    given BOOLEAN NOT NULL,    -- true: the person agrees from now on; false: takes all of it back
    created TIMESTAMP NOT NULL -- when that was
);
