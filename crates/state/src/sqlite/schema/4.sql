-- What a crawl keeps beside its pages: the order in which scopes were handed over, and the results
-- that were frozen when reading ended. A row is written in one transaction with the pages before it.
CREATE TABLE notes (
    crawl INTEGER NOT NULL,
    key TEXT NOT NULL,
    size INTEGER NOT NULL,
    body BLOB NOT NULL,
    checksum INTEGER NOT NULL,
    PRIMARY KEY (crawl, key)
) STRICT, WITHOUT ROWID;
