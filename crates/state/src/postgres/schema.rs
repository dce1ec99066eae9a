//! Creating the schema and its tables, and upgrading them.

use fortilake_postgres::name;

use super::database::{Access, Database, Failure, Param, Transaction, get};
use crate::{Error, Kind, Result, process};

/// The SQL that upgrades each version of the tables to the next one. The first creates them.
///
/// Never edit a released entry: existing tables were created with it. Add a new one instead. The
/// tables `version` and `holders` must keep what this module and [`holder`](super::holder) use of
/// them, because every version of the program reads them before it knows the version.
pub(super) const MIGRATIONS: &[&str] = &[include_str!("schema/1.sql")];

/// Keeps two processes from changing the tables at the same time: the bytes of "flak".
const LOCK: i64 = 0x666c_616b;

/// Checks the server and the user's privileges, and creates or upgrades the tables.
pub(super) fn prepare(database: &mut Database) -> Result<()> {
    let access = database.access.clone();
    let schema = &access.schema;
    let user = access.connector.address.user();
    let shown = access.to_string();
    database.transact_once("prepare the tables of the state", |transaction| {
        let sql = "SELECT pg_is_in_recovery(), current_setting('server_encoding'),
            EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1),
            has_database_privilege(current_database(), 'CREATE')";
        let quoted = name(schema);
        let row = transaction.query_one(sql, &[Param::Text(schema)])?;
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
        let (has_schema, may_create): (bool, bool) = (get(&row, 2)?, get(&row, 3)?);
        if !has_schema && !may_create {
            return refuse(
                format!("{shown} does not exist, and the user `{user}` may not create it"),
                format!("run `CREATE SCHEMA {quoted} AUTHORIZATION {}`", name(user)),
            );
        }
        migrate(transaction, &access, has_schema)?;
        // A list of privileges would ask whether the user has any of them.
        let privileges = "SELECT has_schema_privilege(n.oid, 'USAGE') AND coalesce(bool_and(
                has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT') AND
                has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE')), true)
            FROM pg_namespace n LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind = 'r'
            WHERE n.nspname = $1 GROUP BY n.oid";
        if !get::<bool>(
            &transaction.query_one(privileges, &[Param::Text(schema)])?,
            0,
        )? {
            return refuse(
                format!("the user `{user}` may not read and write all tables in {shown}"),
                format!(
                    "connect as the owner of the schema, or run `GRANT USAGE ON SCHEMA {quoted} TO \
                     {0}; GRANT ALL ON ALL TABLES IN SCHEMA {quoted} TO {0}; GRANT ALL ON ALL \
                     SEQUENCES IN SCHEMA {quoted} TO {0}`",
                    name(user)
                ),
            );
        }
        Ok(())
    })
}

/// Upgrades the tables to the newest version, in the same transaction.
fn migrate(
    transaction: &mut Transaction<'_>,
    access: &Access,
    has_schema: bool,
) -> Result<(), Failure> {
    if found(transaction, access)? == access.version() {
        return Ok(());
    }
    transaction.query("SELECT pg_advisory_xact_lock($1)", &[Param::Int(LOCK)])?;
    // Another process may have been faster.
    let version = found(transaction, access)?;
    if version == 0 && !has_schema {
        let schema = name(&access.schema);
        transaction.run(&format!("CREATE SCHEMA IF NOT EXISTS {schema}"))?;
    }
    if (1..access.version()).contains(&version) {
        check_unused(transaction, access, version)?;
    }
    let applied = usize::try_from(version).unwrap_or(usize::MAX);
    for sql in access.migrations.iter().skip(applied) {
        transaction.run(sql)?;
    }
    transaction.execute(
        "WITH updated AS (UPDATE version SET number = $1 RETURNING 1)
         INSERT INTO version SELECT $1 WHERE NOT EXISTS (SELECT 1 FROM updated)",
        &[Param::Int(access.version())],
    )?;
    Ok(())
}

/// The version of the tables, 0 if there are none. A newer one than this program's is an error.
fn found(transaction: &mut Transaction<'_>, access: &Access) -> Result<i64, Failure> {
    // `to_regclass` would not notice that another process has created the schema in the meantime.
    let exists = "SELECT EXISTS (SELECT 1 FROM pg_class c
        JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = $1 AND c.relname = 'version')";
    let row = transaction.query_one(exists, &[Param::Text(&access.schema)])?;
    if !get::<bool>(&row, 0)? {
        return Ok(0);
    }
    let row = transaction.query_one("SELECT number FROM version", &[])?;
    let found: i64 = get(&row, 0)?;
    if found < 1 {
        return Err(Failure::Damaged(format!("its version is {found}")));
    }
    if found > access.version() {
        return Err(newer(access, found).into());
    }
    Ok(found)
}

/// The error for tables of a newer version.
pub(super) fn newer(access: &Access, found: i64) -> Error {
    let text = format!(
        "the state in {access} has version {found}, but this program supports versions up to {}",
        access.version()
    );
    Error::new(Kind::Newer, text).with_hint("upgrade fortilake, or use another schema")
}

/// Refuses to upgrade tables that a living process of the older version uses.
///
/// No process can begin its lease before the transaction ends, and then it sees the new version.
fn check_unused(
    transaction: &mut Transaction<'_>,
    access: &Access,
    version: i64,
) -> Result<(), Failure> {
    transaction.run("LOCK TABLE holders IN EXCLUSIVE MODE")?;
    let alive = transaction.query_opt(
        "SELECT pid, host, since FROM holders WHERE lease_until >= {clock} ORDER BY id LIMIT 1",
        &[],
    )?;
    let Some(row) = alive else {
        return Ok(());
    };
    let who = process::describe(get(&row, 0)?, get(&row, 1)?, get(&row, 2)?);
    let text = format!(
        "cannot upgrade the state in {access} from version {version} to {}, because {who} uses it",
        access.version()
    );
    let hint = "wait for that process, or end it, and run the same command again";
    Err(Error::new(Kind::Held, text).with_hint(hint).into())
}
