-- The sink's own tables. `{schema}` is the name of their schema. Names are compared byte by byte, as the contract
-- orders them, whatever the database's collation is.

CREATE TABLE {schema}.fortilake_snapshots (
    name text COLLATE "C" PRIMARY KEY,
    crawl_id text NOT NULL UNIQUE,
    started_at text NOT NULL,
    generator text NOT NULL,
    claimed_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
    published_at timestamp with time zone,
    finished_at timestamp with time zone,
    complete boolean,
    inserted bigint,
    updated bigint,
    deleted bigint,
    replaced_nul bigint,
    exhaustive text[] COLLATE "C",
    summary jsonb
);
COMMENT ON TABLE {schema}.fortilake_snapshots IS
    'One row per crawl of fortilake. The newest row with `published_at` is what the tables contain.';
COMMENT ON COLUMN {schema}.fortilake_snapshots.name IS
    'The name of the snapshot. Names order snapshots.';
COMMENT ON COLUMN {schema}.fortilake_snapshots.published_at IS
    'When the crawl was published; null if it was not.';
COMMENT ON COLUMN {schema}.fortilake_snapshots.finished_at IS
    'When the newest answer of the crawl arrived.';
COMMENT ON COLUMN {schema}.fortilake_snapshots.complete IS
    'Whether no part of the crawl failed.';
COMMENT ON COLUMN {schema}.fortilake_snapshots.replaced_nul IS
    'In how many texts U+0000, which PostgreSQL cannot store, was replaced by U+FFFD.';
COMMENT ON COLUMN {schema}.fortilake_snapshots.exhaustive IS
    'The beginnings of scopes of which the crawl listed all that exist.';

CREATE TABLE {schema}.fortilake_scopes (
    scope text COLLATE "C" PRIMARY KEY,
    source text NOT NULL,
    endpoint text NOT NULL,
    subject text NOT NULL,
    result text NOT NULL,
    error text,
    rows bigint NOT NULL,
    observed_at timestamp with time zone,
    snapshot text COLLATE "C"
);
COMMENT ON TABLE {schema}.fortilake_scopes IS
    'One row per scope: one endpoint of one source, asked about one subject.';
COMMENT ON COLUMN {schema}.fortilake_scopes.scope IS
    'The value of `_scope` in the rows of this scope.';
COMMENT ON COLUMN {schema}.fortilake_scopes.result IS
    'The result in the newest crawl: `complete`, `carried` (rows of an earlier crawl), `failed` (the rows here are old), or `gone` (it no longer exists).';
COMMENT ON COLUMN {schema}.fortilake_scopes.rows IS
    'How many rows the scope had when it was last complete.';
COMMENT ON COLUMN {schema}.fortilake_scopes.observed_at IS
    'When the newest answer behind the rows arrived.';
COMMENT ON COLUMN {schema}.fortilake_scopes.snapshot IS
    'The snapshot that last replaced the rows of this scope; null if it was never complete.';
