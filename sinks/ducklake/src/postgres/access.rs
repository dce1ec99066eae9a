//! Checks that the server and the user's privileges suffice.

use fortilake_postgres::name;
use fortilake_sink::{Error, Kind, Result};

use super::Server;
use crate::transaction::{Transaction, params};

/// The oldest version that our tests run with.
const OLDEST: i64 = 150_000;

/// Checks everything that can be checked without writing, and names what is missing.
pub(super) fn check(transaction: &dyn Transaction, server: &Server) -> Result<()> {
    let sql = "SELECT CAST(current_setting('server_version_num') AS bigint), current_setting('server_version'),
               current_setting('server_encoding'), pg_is_in_recovery(),
               has_database_privilege(current_database(), 'CREATE'),
               (SELECT has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE nspname = $1),
               (SELECT has_schema_privilege(oid, 'CREATE') FROM pg_namespace WHERE nspname = $1)";
    let row = transaction.query_one(sql, params![server.schema()])?;
    let refuse = |text: String| Err(Error::new(Kind::Config, text));
    if row.get::<i64>(0)? < OLDEST {
        let version: String = row.get(1)?;
        return refuse(format!(
            "the server runs PostgreSQL {version}, but version 15 or newer is required"
        ));
    }
    let encoding: String = row.get(2)?;
    if encoding != "UTF8" {
        return refuse(format!(
            "the database `{}` has the encoding {encoding}, but UTF8 is required",
            server.address.database()
        ));
    }
    if row.get(3)? {
        let servers = server.address.servers();
        let text = format!("`{servers}` accepts no changes, because it is a standby");
        return Err(Error::new(Kind::Unavailable, text));
    }
    let (may_use, may_create): (Option<bool>, Option<bool>) = (row.get(5)?, row.get(6)?);
    let may_create_schema: bool = row.get(4)?;
    let has_own = || transaction.has_table("fortilake_snapshots");
    let (user, schema) = (server.address.user(), server.schema());
    let (quoted_user, quoted_schema) = (name(user), name(schema));
    match (may_use, may_create) {
        (None, _) if may_create_schema => {}
        (None, _) => {
            return refuse(format!(
                "the schema `{schema}` does not exist, and the user `{user}` may not create it; run \
                 `CREATE SCHEMA {quoted_schema} AUTHORIZATION {quoted_user}`"
            ));
        }
        (Some(true), Some(true)) => {}
        // Then there is nothing to create.
        (Some(true), _) if has_own()? => {}
        _ => {
            return refuse(format!(
                "the user `{user}` may not create tables in the schema `{schema}`; run \
                 `GRANT USAGE, CREATE ON SCHEMA {quoted_schema} TO {quoted_user}`, or set option `catalog_schema`"
            ));
        }
    }
    let sql = "SELECT CAST(c.relname AS text) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE n.nspname = $1 AND c.relkind = 'r' AND (c.relname LIKE 'ducklake\\_%' OR c.relname LIKE 'fortilake\\_%')
               AND NOT (has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
               AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE')
               AND (has_table_privilege(c.oid, 'TRIGGER') OR c.relname <> 'ducklake_files_scheduled_for_deletion'))
               ORDER BY 1";
    match transaction.query_opt(sql, params![schema])? {
        None => Ok(()),
        Some(row) => {
            let table: String = row.get(0)?;
            refuse(format!(
                "the user `{user}` may not change the table `{table}` of the DuckLake catalog; run \
                 `GRANT SELECT, INSERT, UPDATE, DELETE, TRIGGER ON ALL TABLES IN SCHEMA {quoted_schema} TO {quoted_user}`"
            ))
        }
    }
}
