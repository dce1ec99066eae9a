//! Creates the tables, and changes them where a crawl has more than the database.
//!
//! Tables are never dropped, renamed or emptied, so views, grants and foreign keys on them survive.

use std::collections::BTreeMap;
use std::sync::Arc;

use fortilake_postgres as sql;
use fortilake_sink::{Error, Kind, Result, TableSpec};

use crate::connection::Connection;
use crate::types::{SCOPE, Type};

#[cfg(test)]
mod tests;

/// What is appended to a table's name for its unique constraint.
const KEY: &str = "_fortilake_key";

/// What is appended to a table's name for the table of old rows.
const HISTORY: &str = "_history";

/// The longest text that is appended to a table's name.
pub(crate) const LONGEST_SUFFIX: &str = "_history_fortilake_key";

/// The columns that only tables of old rows have.
const PERIOD: [&str; 2] = ["_valid_from", "_valid_to"];

/// A table in the database.
#[derive(Clone, Debug)]
pub(crate) struct TargetTable {
    pub(crate) spec: Arc<TableSpec>,
    pub(crate) types: Vec<Type>,
    /// Its schema and name as SQL.
    pub(crate) table: String,
    /// The same for the table of old rows.
    pub(crate) history: String,
}

/// What the database has.
#[derive(Debug, Default)]
pub(crate) struct Existing(BTreeMap<String, Relation>);

#[derive(Debug, Default, PartialEq, Eq)]
struct Relation {
    kind: String,
    comment: String,
    /// The columns of our unique constraint, if it exists.
    key: Option<Vec<String>>,
    columns: BTreeMap<String, ExistingColumn>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct ExistingColumn {
    type_name: String,
    comment: String,
}

impl Existing {
    pub(crate) async fn read(connection: &Connection, schema: &str) -> Result<Self> {
        let read = format!(
            "SELECT c.relname, c.relkind, obj_description(c.oid, 'pg_class'), a.attname, \
             format_type(a.atttypid, a.atttypmod), col_description(c.oid, a.attnum), \
             array_position(k.conkey, a.attnum), k.oid IS NOT NULL \
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
             LEFT JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'u' \
               AND k.conname = c.relname || '{KEY}' \
             WHERE n.nspname = {} AND c.relkind IN ('r', 'p', 'v', 'm', 'f') \
             ORDER BY c.relname, array_position(k.conkey, a.attnum)",
            sql::literal(schema)
        );
        let action = format!("read the tables of the schema `{schema}`");
        let mut existing = Self::default();
        for row in connection.query(&action, &read).await? {
            let cell = |index| row.get(index).unwrap_or_default().to_owned();
            let relation = existing.0.entry(cell(0)).or_default();
            relation.kind = cell(1);
            relation.comment = cell(2);
            if row.get(7) == Some("t") {
                let key = relation.key.get_or_insert_default();
                if row.get(6).is_some() {
                    key.push(cell(3));
                }
            }
            let column = ExistingColumn {
                type_name: cell(4),
                comment: cell(5),
            };
            relation.columns.insert(cell(3), column);
        }
        Ok(existing)
    }
}

/// A column as it should be.
struct Wanted<'a> {
    name: &'a str,
    type_name: &'a str,
    comment: &'a str,
}

impl TargetTable {
    pub(crate) fn new(schema: &str, spec: Arc<TableSpec>, types: Vec<Type>) -> Self {
        let full = |name: &str| format!("{}.{}", sql::name(schema), sql::name(name));
        Self {
            table: full(&spec.name),
            history: full(&format!("{}{HISTORY}", spec.name)),
            spec,
            types,
        }
    }

    /// Creates the table or adds what it lacks. Nothing is locked if nothing changes.
    pub(crate) async fn prepare(&self, connection: &Connection, existing: &Existing) -> Result<()> {
        let (name, summary) = (&self.spec.name, &self.spec.summary);
        let statements = statements(
            existing,
            name,
            &self.table,
            summary,
            &self.columns(),
            &self.spec.key,
        )?;
        self.run(connection, name, &statements).await
    }

    /// As [`prepare`](Self::prepare), for the table of old rows.
    pub(crate) async fn prepare_history(
        &self,
        connection: &Connection,
        existing: &Existing,
    ) -> Result<()> {
        let name = format!("{}{HISTORY}", self.spec.name);
        let summary = format!(
            "All versions of the rows of `{}` since its history is kept.",
            self.spec.name
        );
        let instant = Type::TimestampTz.sql();
        let mut columns = self.columns();
        let [from, to] = PERIOD;
        columns.push(Wanted {
            name: from,
            type_name: instant,
            comment: "When the first crawl with this version ended.",
        });
        columns.push(Wanted {
            name: to,
            type_name: instant,
            comment: "When the first crawl without this version ended; null for the current version.",
        });
        let statements = statements(existing, &name, &self.history, &summary, &columns, &[])?;
        self.run(connection, &name, &statements).await
    }

    async fn run(&self, connection: &Connection, name: &str, statements: &[String]) -> Result<()> {
        if statements.is_empty() {
            return Ok(());
        }
        let action = format!("create or change the table `{name}`");
        connection.run(&action, &statements.join("; ")).await
    }

    fn columns(&self) -> Vec<Wanted<'_>> {
        let fields = self.spec.schema.fields().iter().zip(&self.types);
        let columns = fields.map(|(field, data_type)| Wanted {
            name: field.name(),
            type_name: data_type.sql(),
            comment: field
                .metadata()
                .get("description")
                .map_or("", String::as_str),
        });
        let scope = Wanted {
            name: SCOPE,
            type_name: Type::Text.sql(),
            comment: "The scope that this row was read from; see the table `fortilake_scopes`.",
        };
        columns.chain([scope]).collect()
    }
}

/// The statements that make a table as it should be; none if it is.
fn statements(
    existing: &Existing,
    name: &str,
    table: &str,
    summary: &str,
    columns: &[Wanted<'_>],
    key: &[String],
) -> Result<Vec<String>> {
    let none = Relation::default();
    let found = existing.0.get(name);
    let mut statements = Vec::new();
    let unique = |key: &[String]| {
        format!(
            "CONSTRAINT {} UNIQUE NULLS NOT DISTINCT ({})",
            sql::name(&format!("{name}{KEY}")),
            sql::list("", key.iter().map(String::as_str))
        )
    };
    let define = |column: &Wanted<'_>| {
        let null = if column.name == SCOPE {
            " NOT NULL"
        } else {
            ""
        };
        format!("{} {}{null}", sql::name(column.name), column.type_name)
    };
    match found {
        None => {
            let mut parts: Vec<_> = columns.iter().map(define).collect();
            if !key.is_empty() {
                parts.push(unique(key));
            }
            statements.push(format!("CREATE TABLE {table} ({})", parts.join(", ")));
        }
        Some(found) => {
            check(found, name, columns)?;
            let new = columns
                .iter()
                .filter(|column| !found.columns.contains_key(column.name));
            let mut parts: Vec<_> = new
                .map(|column| format!("ADD COLUMN {}", define(column)))
                .collect();
            // The key of a table can change between versions of fortilake.
            let ours = (!key.is_empty()).then(|| key.to_vec());
            if found.key != ours {
                if found.key.is_some() {
                    let constraint = sql::name(&format!("{name}{KEY}"));
                    parts.push(format!("DROP CONSTRAINT {constraint}"));
                }
                if !key.is_empty() {
                    parts.push(format!("ADD {}", unique(key)));
                }
            }
            if !parts.is_empty() {
                statements.push(format!("ALTER TABLE {table} {}", parts.join(", ")));
            }
        }
    }
    let found = found.unwrap_or(&none);
    let summary = summary.replace('\0', "");
    if found.comment != summary {
        let comment = sql::literal(&summary);
        statements.push(format!("COMMENT ON TABLE {table} IS {comment}"));
    }
    for column in columns {
        let there = found.columns.get(column.name);
        let comment = column.comment.replace('\0', "");
        if there.map_or("", |there| there.comment.as_str()) != comment {
            let (column, comment) = (sql::name(column.name), sql::literal(&comment));
            statements.push(format!("COMMENT ON COLUMN {table}.{column} IS {comment}"));
        }
    }
    Ok(statements)
}

/// Refuses what is not a table of this sink, and columns of other types.
fn check(found: &Relation, name: &str, columns: &[Wanted<'_>]) -> Result<()> {
    let refuse = |text: String| Err(Error::new(Kind::Config, text));
    if found.kind != "r" && found.kind != "p" {
        return refuse(format!(
            "`{name}` exists and is not a table; rename it, or choose another schema"
        ));
    }
    if !found.columns.contains_key(SCOPE) {
        return refuse(format!(
            "the table `{name}` exists, but fortilake did not create it, because it has no column `{SCOPE}`; \
             rename it, or choose another schema"
        ));
    }
    for column in columns {
        let there = found.columns.get(column.name);
        if let Some(there) = there.filter(|there| there.type_name != column.type_name) {
            return refuse(format!(
                "column `{}` of table `{name}` has the type `{}`, but `{}` is needed; rename or change the column",
                column.name, there.type_name, column.type_name
            ));
        }
    }
    Ok(())
}
