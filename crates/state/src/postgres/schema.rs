//! Creating the schema and its tables.

use fortilake_postgres::name;

use super::database::{Database, Failure, Param, get};
use crate::{Error, Kind, Result};

/// The version of the tables that this program creates and reads.
const VERSION: i64 = 1;

/// Keeps two processes from creating the tables at the same time: the bytes of "flak".
const LOCK: i64 = 0x666c_616b;

/// Creates the schema and the tables if they do not exist, and checks their version.
pub(super) fn prepare(database: &mut Database) -> Result<()> {
    let schema = database.access.schema.clone();
    let user = database.access.connector.address.user().to_owned();
    let shown = database.access.to_string();
    database.transact_once("prepare the tables of the state", |transaction| {
        let sql = "SELECT pg_is_in_recovery(), current_setting('server_encoding'),
            EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1),
            EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname = $1 AND c.relname = 'version'),
            has_database_privilege(current_database(), 'CREATE')";
        let quoted = name(&schema);
        let row = transaction.query_one(sql, &[Param::Text(&schema)])?;
        let refuse = |text: String, hint: String| {
            Err(Error::new(Kind::Refused, text).with_hint(hint).into())
        };
        if get(&row, 0)? {
            let text = format!("cannot use {shown}: the server is a standby");
            return Err(Error::new(Kind::Unavailable, text)
                .with_hint("connect to the primary server")
                .into());
        }
        if get::<&str>(&row, 1)? != "UTF8" {
            return refuse(
                format!("cannot use {shown}: the database has another encoding than UTF8"),
                "create the database with `ENCODING 'UTF8'`".to_owned(),
            );
        }
        let (has_schema, may_create): (bool, bool) = (get(&row, 2)?, get(&row, 4)?);
        if !has_schema && !may_create {
            return refuse(
                format!("{shown} does not exist, and the user `{user}` may not create it"),
                format!("run `CREATE SCHEMA {quoted} AUTHORIZATION {}`", name(&user)),
            );
        }
        if !get::<bool>(&row, 3)? {
            create(transaction, &schema, has_schema)?;
        }
        // A list of privileges would ask whether the user has any of them.
        let privileges = "SELECT has_schema_privilege(n.oid, 'USAGE') AND coalesce(bool_and(
                has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT') AND
                has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE')), true)
            FROM pg_namespace n LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind = 'r'
            WHERE n.nspname = $1 GROUP BY n.oid";
        if !get::<bool>(
            &transaction.query_one(privileges, &[Param::Text(&schema)])?,
            0,
        )? {
            return refuse(
                format!("the user `{user}` may not read and write all tables in {shown}"),
                format!(
                    "connect as the owner of the schema, or run `GRANT USAGE ON SCHEMA {quoted} TO \
                     {0}; GRANT ALL ON ALL TABLES IN SCHEMA {quoted} TO {0}; GRANT ALL ON ALL \
                     SEQUENCES IN SCHEMA {quoted} TO {0}`",
                    name(&user)
                ),
            );
        }
        let found: i64 = get(
            &transaction.query_one("SELECT number FROM version", &[])?,
            0,
        )?;
        if found > VERSION {
            let text = format!(
                "the state in {shown} has version {found}, but this program supports versions up \
                 to {VERSION}"
            );
            return Err(Error::new(Kind::Newer, text)
                .with_hint("upgrade fortilake, or use another schema")
                .into());
        }
        Ok(())
    })
}

fn create(
    transaction: &mut super::Transaction<'_>,
    schema: &str,
    has_schema: bool,
) -> Result<(), Failure> {
    transaction.query("SELECT pg_advisory_xact_lock($1)", &[Param::Int(LOCK)])?;
    let exists = "SELECT to_regclass('version') IS NOT NULL";
    // Another process may have been faster. `pg_catalog` has no such table, so it is found in this
    // schema or nowhere.
    if get(&transaction.query_one(exists, &[])?, 0)? {
        return Ok(());
    }
    if !has_schema {
        transaction.run(&format!("CREATE SCHEMA IF NOT EXISTS {}", name(schema)))?;
    }
    transaction.run(include_str!("schema.sql"))?;
    transaction.execute("INSERT INTO version VALUES ($1)", &[Param::Int(VERSION)])?;
    Ok(())
}
