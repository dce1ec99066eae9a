-- The ledger's time, in one row: the uptime of a boot plus `uptime_offset`. It is `ahead` of the
-- system's clock, as far as that was last seen. Times of `users`, `answers` and `tokens` are the
-- ledger's.
CREATE TABLE clock (
    id INTEGER PRIMARY KEY,
    boot TEXT NOT NULL,
    uptime_offset INTEGER NOT NULL,
    ahead INTEGER NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;

-- What went wrong, for the errors of `answers` of which that is known. It is told and never counted.
CREATE TABLE error_reasons (
    user INTEGER NOT NULL,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    call TEXT NOT NULL,
    http INTEGER,
    message TEXT NOT NULL,
    checksum INTEGER NOT NULL,
    PRIMARY KEY (user, number)
) STRICT, WITHOUT ROWID;
