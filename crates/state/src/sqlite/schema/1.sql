-- One process that has the file open; a lock on `holder-<id>.lock` says whether it lives.
CREATE TABLE holders (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    pid INTEGER NOT NULL,
    host TEXT NOT NULL,
    since INTEGER NOT NULL
) STRICT;

-- One API user. Both logs count from 1; what was before `*_first` is pruned.
-- There are few, and all are read at once: an index could lose one without a word.
CREATE TABLE users (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    latest INTEGER NOT NULL,
    closed_until INTEGER NOT NULL,
    span INTEGER NOT NULL,
    calls_first INTEGER NOT NULL,
    calls_last INTEGER NOT NULL,
    errors_first INTEGER NOT NULL,
    errors_last INTEGER NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;

-- Calls that are not answered yet.
CREATE TABLE in_flight (
    ticket INTEGER PRIMARY KEY AUTOINCREMENT,
    user INTEGER NOT NULL,
    holder INTEGER NOT NULL
) STRICT;

-- When calls were answered (log 0) and failed (log 1). `at` grows with `number`.
CREATE TABLE answers (
    user INTEGER NOT NULL,
    log INTEGER NOT NULL,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    PRIMARY KEY (user, log, number)
) STRICT, WITHOUT ROWID;

-- The only place where a token is kept, in clear: the next run has to send it.
CREATE TABLE tokens (
    user TEXT NOT NULL,
    client_id TEXT NOT NULL,
    access_token TEXT NOT NULL,
    refresh_token TEXT,
    issued_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    PRIMARY KEY (user, client_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE crawls (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    snapshot TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    version TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    finished_at INTEGER,
    status TEXT NOT NULL,
    summary TEXT,
    -- How many pages there were when the status was said; there can only be more.
    records INTEGER NOT NULL DEFAULT 0,
    checksum INTEGER NOT NULL,
    -- Who works on it. Not in the checksum, so that a hold ends without reading the row.
    holder INTEGER
) STRICT;

-- How far a sink has come with a crawl, in the crawler's words.
CREATE TABLE deliveries (
    crawl INTEGER NOT NULL,
    sink TEXT NOT NULL,
    state TEXT NOT NULL,
    checksum INTEGER NOT NULL,
    PRIMARY KEY (crawl, sink)
) STRICT, WITHOUT ROWID;

-- The journal. A page's place is its crawl's number times 2^32 and its sequence, so that a crawl's
-- pages lie together and in order. Sequences begin at 1 and have no gaps.
CREATE TABLE pages (
    place INTEGER PRIMARY KEY,
    hash INTEGER NOT NULL,
    key TEXT NOT NULL,
    kind INTEGER NOT NULL,
    observed_at INTEGER NOT NULL,
    size INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;

-- By hash, because keys are long and there may be a million of them.
CREATE INDEX pages_by_key ON pages (hash);

-- What a sink keeps between runs.
CREATE TABLE sink_values (
    sink TEXT NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    checksum INTEGER NOT NULL,
    PRIMARY KEY (sink, key)
) STRICT, WITHOUT ROWID;
