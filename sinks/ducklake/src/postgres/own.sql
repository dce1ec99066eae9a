-- Our tables in a catalog. DuckLake ignores tables that it does not know.
-- The newest snapshot is the one with the greatest name, byte by byte.
CREATE TABLE IF NOT EXISTS fortilake_snapshots(name TEXT COLLATE "C" PRIMARY KEY, snapshot_id BIGINT NOT NULL UNIQUE, crawl_id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS fortilake_tables(table_id BIGINT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS fortilake_places(prefix TEXT PRIMARY KEY);
-- The files belong to the place, and only the sink deletes them. DuckLake schedules the files of expired versions for
-- deletion, wherever they lie. This drops ours from its list.
-- The user who does that may not be allowed to read our table and has another search path, so the function has the
-- rights and the search path of its owner.
CREATE OR REPLACE FUNCTION fortilake_keep_files() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM fortilake_places WHERE starts_with(NEW.path, prefix)) THEN RETURN NULL; END IF;
  RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER fortilake_keep_files BEFORE INSERT ON ducklake_files_scheduled_for_deletion
FOR EACH ROW EXECUTE FUNCTION fortilake_keep_files();
