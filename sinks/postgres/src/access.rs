//! Checks that the server, the database and the user's privileges suffice.

use fortilake_postgres::{self as sql, ServerAddress};
use fortilake_sink::{Error, Kind, Result};

use crate::connection::Connection;

/// The oldest version that works: `UNIQUE NULLS NOT DISTINCT` is new in PostgreSQL 15.
const OLDEST: u32 = 150_000;

/// Checks everything that can be checked without writing, and names what is missing.
pub(crate) async fn check(
    connection: &Connection,
    target: &ServerAddress,
    schema: &str,
) -> Result<()> {
    let name = sql::literal(schema);
    let found = format!(
        "SELECT current_setting('server_version_num'), current_setting('server_version'), \
         current_setting('server_encoding'), pg_is_in_recovery(), \
         has_database_privilege(current_database(), 'TEMPORARY'), \
         has_database_privilege(current_database(), 'CREATE'), \
         (SELECT has_schema_privilege(oid, 'USAGE') AND has_schema_privilege(oid, 'CREATE') \
          FROM pg_namespace WHERE nspname = {name})"
    );
    let rows = connection
        .query("read the server's settings", &found)
        .await?;
    let row = rows.first();
    let cell = |index| row.and_then(|row| row.get(index)).unwrap_or_default();
    let (database, user) = (target.database(), target.user());
    let refuse = |text: String| Err(Error::new(Kind::Config, text));

    if cell(0).parse::<u32>().unwrap_or_default() < OLDEST {
        let version = cell(1);
        return refuse(format!(
            "the server runs PostgreSQL {version}, but version 15 or newer is required"
        ));
    }
    if cell(2) != "UTF8" {
        let encoding = cell(2);
        return refuse(format!(
            "the database `{database}` has the encoding {encoding}, but UTF8 is required"
        ));
    }
    if cell(3) == "t" {
        let text = format!(
            "`{}` accepts no changes, because it is a standby",
            target.servers()
        );
        return Err(Error::new(Kind::Unavailable, text));
    }
    if cell(4) != "t" {
        return refuse(format!(
            "the user `{user}` may not create temporary tables; \
             run `GRANT TEMPORARY ON DATABASE {} TO {}`",
            sql::name(database),
            sql::name(user)
        ));
    }
    match cell(6) {
        "t" => Ok(()),
        "" if cell(5) == "t" => Ok(()),
        "" => refuse(format!(
            "the schema `{schema}` does not exist, and the user `{user}` may not create it; \
             run `CREATE SCHEMA {} AUTHORIZATION {}`",
            sql::name(schema),
            sql::name(user)
        )),
        _ => refuse(format!(
            "the user `{user}` may not create tables in the schema `{schema}`; \
             run `GRANT USAGE, CREATE ON SCHEMA {} TO {}`",
            sql::name(schema),
            sql::name(user)
        )),
    }
}
