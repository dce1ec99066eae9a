-- Our tables in a catalog. DuckLake ignores tables that it does not know.
CREATE TABLE IF NOT EXISTS fortilake_snapshots(name TEXT PRIMARY KEY, snapshot_id BIGINT NOT NULL UNIQUE, crawl_id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS fortilake_tables(table_id BIGINT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS fortilake_places(prefix TEXT PRIMARY KEY);
-- The files belong to the place, and only the sink deletes them. DuckLake schedules the files of expired versions for
-- deletion, wherever they lie. This drops ours from its list.
CREATE TRIGGER IF NOT EXISTS fortilake_keep_files BEFORE INSERT ON ducklake_files_scheduled_for_deletion
WHEN EXISTS (SELECT 1 FROM fortilake_places WHERE substr(NEW.path, 1, length(prefix)) = prefix)
BEGIN SELECT RAISE(IGNORE); END;
