-- The rows of the last complete snapshot of some sources, to compare the next one with.
-- They outlast the crawl, whose journal is removed in time.
CREATE TABLE baselines (
    key TEXT NOT NULL PRIMARY KEY,
    snapshot TEXT NOT NULL,
    body BLOB NOT NULL,
    checksum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
