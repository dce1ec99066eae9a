//! Keeps old versions of rows.
//!
//! The table of old rows is compared with the table itself, and not filled from the changes of one crawl. So it can be
//! switched on at any time, and what one crawl did not write, because the option was off, the next one does.

use fortilake_postgres as sql;
use fortilake_sink::Result;

use crate::connection::Connection;
use crate::merge::same_key;
use crate::tables::TargetTable;
use crate::types::{META, SCOPE};

/// Ends the versions that are no longer current, and begins those that are new. `at` is SQL.
pub(crate) async fn update(connection: &Connection, target: &TargetTable, at: &str) -> Result<()> {
    let spec = &target.spec;
    // Without a key, the versions of a row cannot be told from other rows.
    if spec.key.is_empty() {
        return Ok(());
    }
    let (table, history) = (&target.table, &target.history);
    let names = || {
        let fields = spec.schema.fields().iter();
        fields.map(|field| field.name().as_str())
    };
    let is_compared = |name: &&str| {
        !META.contains(name) && *name != SCOPE && !spec.key.iter().any(|key| key == name)
    };
    let list = |prefix: &str| sql::list(prefix, names().filter(is_compared));
    let is_equal = match list("") {
        columns if columns.is_empty() => String::new(),
        _ => format!(
            " AND ROW({}) IS NOT DISTINCT FROM ROW({})",
            list("old."),
            list("kept.")
        ),
    };
    let all = |prefix: &str| sql::list(prefix, names().chain([SCOPE]));
    let same = same_key(target, "old", "kept");
    // A version never ends before it begins, even if the clocks of two crawls disagree.
    let update = format!(
        "UPDATE {history} AS old SET _valid_to = greatest(old._valid_from, {at}) \
         WHERE old._valid_to IS NULL AND NOT EXISTS (SELECT FROM {table} AS kept WHERE {same}{is_equal}); \
         INSERT INTO {history} ({columns}, _valid_from) \
         SELECT {kept}, {at} FROM {table} AS kept \
         WHERE NOT EXISTS (SELECT FROM {history} AS old WHERE old._valid_to IS NULL AND {same})",
        columns = all(""),
        kept = all("kept."),
    );
    let action = format!("keep old versions of rows of `{}`", spec.name);
    connection.run(&action, &update).await
}
