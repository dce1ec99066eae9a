-- The tables of a state in PostgreSQL. They mirror those of the file (`sqlite/schema`), without the
-- checksums of small rows: PostgreSQL checks its own pages. Times are microseconds of Unix time, by
-- the database's clock.

CREATE TABLE version (number bigint NOT NULL);

-- One open state of a process. It counts as alive until `lease_until`.
CREATE TABLE holders (
    id bigint PRIMARY KEY,
    pid bigint NOT NULL,
    host text NOT NULL,
    since bigint NOT NULL,
    lease_until bigint NOT NULL
);
CREATE SEQUENCE holder_ids OWNED BY holders.id;

-- One API user. Both logs count from 1; what was before `*_first` is pruned. Whoever changes the
-- user's part of the ledger locks this row first.
CREATE TABLE users (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    latest bigint NOT NULL,
    closed_until bigint NOT NULL,
    span bigint NOT NULL DEFAULT 0,
    calls_first bigint NOT NULL DEFAULT 1,
    calls_last bigint NOT NULL DEFAULT 0,
    errors_first bigint NOT NULL DEFAULT 1,
    errors_last bigint NOT NULL DEFAULT 0
);

-- Calls that are not answered yet. `counted` is 0 for a call in flight. A call of a process whose
-- lease ran out is counted as answered (1) or as an error (2), and stays in case that process wakes
-- up and says how it ended.
CREATE TABLE in_flight (
    ticket bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint NOT NULL,
    holder bigint NOT NULL,
    -- The process's number for the reservation, by which it finds one whose commit it did not see.
    request bigint NOT NULL,
    counted bigint NOT NULL DEFAULT 0,
    UNIQUE (holder, request)
);
CREATE INDEX in_flight_by_user ON in_flight (user_id);

-- When calls were answered (log 0) and failed (log 1). `at` grows with `number`.
CREATE TABLE answers (
    user_id bigint NOT NULL,
    log bigint NOT NULL,
    number bigint NOT NULL,
    at bigint NOT NULL,
    PRIMARY KEY (user_id, log, number)
);

-- What went wrong, for the errors of `answers` of which that is known.
CREATE TABLE error_reasons (
    user_id bigint NOT NULL,
    number bigint NOT NULL,
    at bigint NOT NULL,
    call text NOT NULL,
    http bigint,
    message text NOT NULL,
    PRIMARY KEY (user_id, number)
);

-- Encrypted, because whoever reads the database or its backups must not be able to call the API.
CREATE TABLE tokens (
    user_id text NOT NULL,
    client_id text NOT NULL,
    nonce bytea NOT NULL,
    sealed bytea NOT NULL,
    PRIMARY KEY (user_id, client_id)
);

CREATE TABLE crawls (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text NOT NULL UNIQUE,
    snapshot text NOT NULL,
    fingerprint text NOT NULL,
    version text NOT NULL,
    created_at bigint NOT NULL,
    finished_at bigint,
    status text NOT NULL,
    summary text,
    -- How many pages there were when the status was set; there can only be more.
    records bigint NOT NULL DEFAULT 0,
    -- Who works on it.
    holder bigint,
    -- Grows with every takeover. Each write names the number it was given, and one with an older
    -- number is refused.
    fence bigint NOT NULL DEFAULT 1
);

CREATE TABLE deliveries (
    crawl bigint NOT NULL,
    sink text NOT NULL,
    state text NOT NULL,
    PRIMARY KEY (crawl, sink)
);

-- The journal. A page's place is its crawl's number times 2^32 and its sequence.
CREATE TABLE pages (
    place bigint PRIMARY KEY,
    hash bigint NOT NULL,
    key text NOT NULL,
    kind bigint NOT NULL,
    observed_at bigint NOT NULL,
    size bigint NOT NULL,
    checksum bigint NOT NULL,
    body bytea NOT NULL
);
CREATE INDEX pages_by_key ON pages (hash);
-- Bodies are compressed already.
ALTER TABLE pages ALTER COLUMN body SET STORAGE EXTERNAL;

CREATE TABLE notes (
    crawl bigint NOT NULL,
    key text NOT NULL,
    size bigint NOT NULL,
    body bytea NOT NULL,
    checksum bigint NOT NULL,
    PRIMARY KEY (crawl, key)
);

CREATE TABLE sink_values (
    sink text NOT NULL,
    key text NOT NULL,
    value bytea NOT NULL,
    PRIMARY KEY (sink, key)
);

CREATE TABLE baselines (
    key text PRIMARY KEY,
    snapshot text NOT NULL,
    body bytea NOT NULL
);
