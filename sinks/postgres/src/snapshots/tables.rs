//! The version of the sink's own tables, and how it creates and upgrades them.

use fortilake_postgres as sql;
use fortilake_sink::{Error, Kind, Result};

use crate::connection::Connection;

#[cfg(all(test, unix))]
mod tests;

/// The SQL that upgrades each version of the sink's own tables to the next one. The first creates them.
///
/// Never edit a released entry: existing tables were created with it. Add a new one instead.
const MIGRATIONS: &[&str] = &[include_str!("tables/1.sql")];

/// The table with the version. The first version was also written without it.
const VERSION: &str = "fortilake_version";

/// Creates or upgrades the tables. The transaction must hold the lock of the schema.
///
/// A newer version is an error, because this program does not know what it has to keep up to date there.
pub(super) async fn prepare(connection: &Connection, schema: &str) -> Result<()> {
    prepare_with(connection, schema, MIGRATIONS).await
}

async fn prepare_with(connection: &Connection, schema: &str, migrations: &[&str]) -> Result<()> {
    let newest = migrations.len();
    let found = Found::read(connection, schema).await?;
    if found.version > newest {
        let text = format!(
            "the tables `{}` and `fortilake_scopes` in the schema `{schema}` have version {}, but this program \
             supports versions up to {newest}; upgrade fortilake, or choose another schema",
            super::TABLE,
            found.version
        );
        return Err(Error::new(Kind::Config, text));
    }
    if found.version == newest {
        return Ok(());
    }
    let quoted = sql::name(schema);
    // `IF NOT EXISTS` would need the privilege to create, even if there is nothing to create.
    if !found.has_schema {
        let create = format!("CREATE SCHEMA {quoted}");
        connection
            .run(&format!("create the schema `{schema}`"), &create)
            .await?;
    }
    let mut statements: Vec<_> = migrations[found.version..]
        .iter()
        .map(|statements| statements.replace("{schema}", &quoted))
        .collect();
    let table = format!("{quoted}.{VERSION}");
    if !found.has_version {
        statements.push(format!(
            "CREATE TABLE {table} (number bigint NOT NULL); \
             COMMENT ON TABLE {table} IS 'The version of the tables `fortilake_snapshots` and `fortilake_scopes`.'"
        ));
    }
    statements.push(format!(
        "DELETE FROM {table}; INSERT INTO {table} VALUES ({newest})"
    ));
    let action = match found.version {
        0 => "create the tables of snapshots and scopes".to_owned(),
        version => {
            format!("upgrade the tables of snapshots and scopes from version {version} to {newest}")
        }
    };
    connection.run(&action, &statements.join(";\n")).await
}

/// What the schema has.
struct Found {
    has_schema: bool,
    has_version: bool,
    /// 0 if the tables do not exist.
    version: usize,
}

impl Found {
    async fn read(connection: &Connection, schema: &str) -> Result<Self> {
        let tables = format!(
            "SELECT (SELECT count(*) FROM pg_namespace WHERE nspname = {name}), c.relname \
             FROM (SELECT) AS one LEFT JOIN (pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace) \
               ON nspname = {name} AND relname IN ('{}', '{VERSION}')",
            super::TABLE,
            name = sql::literal(schema),
        );
        let rows = connection
            .query(&format!("look for the schema `{schema}`"), &tables)
            .await?;
        let has = |table| rows.iter().any(|row| row.get(1) == Some(table));
        let has_version = has(VERSION);
        let version = if has_version {
            let read = format!("SELECT max(number) FROM {}.{VERSION}", sql::name(schema));
            let rows = connection
                .query(&format!("read the table `{VERSION}`"), &read)
                .await?;
            let number = rows.first().and_then(|row| row.get(0)?.parse().ok());
            number.ok_or_else(|| {
                let text = format!(
                    "the table `{VERSION}` in the schema `{schema}` is empty; restore it from a backup, or choose \
                     another schema"
                );
                Error::new(Kind::Config, text)
            })?
        } else {
            usize::from(has(super::TABLE))
        };
        Ok(Self {
            has_schema: rows.first().and_then(|row| row.get(0)) == Some("1"),
            has_version,
            version,
        })
    }
}
