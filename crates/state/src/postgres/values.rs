//! The tables `baselines` and `sink_values`.

use super::{
    Postgres,
    database::{Failure, Param, get},
};
use crate::{Baseline, Result};

pub(super) fn baseline(state: &Postgres, key: &str) -> Result<Option<Baseline>> {
    state.transact("read a baseline", |transaction| {
        let row = transaction.query_opt(
            "SELECT snapshot, body FROM baselines WHERE key = $1",
            &[Param::Text(key)],
        )?;
        let Some(row) = row else {
            return Ok(None);
        };
        let snapshot: String = get(&row, 0)?;
        let baseline = Baseline::decompressed(snapshot.clone(), get(&row, 1)?);
        let damaged = || {
            Failure::Damaged(format!(
                "the row counts of snapshot {snapshot} cannot be read"
            ))
        };
        baseline.ok_or_else(damaged).map(Some)
    })
}

// Sorted by bytes, as in the file, and not by the order of the database's language.
pub(super) fn baseline_keys(state: &Postgres) -> Result<Vec<String>> {
    state.transact("list the baselines", |transaction| {
        let sql = "SELECT key FROM baselines ORDER BY key COLLATE \"C\"";
        let rows = transaction.query(sql, &[])?;
        rows.iter().map(|row| get(row, 0)).collect()
    })
}

pub(super) fn set_baseline(state: &Postgres, key: &str, baseline: &Baseline) -> Result<()> {
    let body = baseline.compressed()?;
    state.transact("save a baseline", |transaction| {
        transaction.execute(
            "INSERT INTO baselines VALUES ($1, $2, $3) ON CONFLICT (key)
             DO UPDATE SET snapshot = excluded.snapshot, body = excluded.body",
            &[
                Param::Text(key),
                Param::Text(&baseline.snapshot),
                Param::Bytes(&body),
            ],
        )?;
        Ok(())
    })
}

pub(super) fn sink_value(state: &Postgres, sink: &str, key: &str) -> Result<Option<Vec<u8>>> {
    state.transact("read a sink's value", |transaction| {
        let row = transaction.query_opt(
            "SELECT value FROM sink_values WHERE sink = $1 AND key = $2",
            &[Param::Text(sink), Param::Text(key)],
        )?;
        row.map(|row| get(&row, 0)).transpose()
    })
}

pub(super) fn set_sink_value(
    state: &Postgres,
    sink: &str,
    key: &str,
    value: Option<&[u8]>,
) -> Result<()> {
    let (sink, key) = (Param::Text(sink), Param::Text(key));
    let Some(value) = value else {
        let params = [sink, key];
        return state.transact("delete a sink's value", |transaction| {
            let sql = "DELETE FROM sink_values WHERE sink = $1 AND key = $2";
            transaction.execute(sql, &params).map(drop)
        });
    };
    let params = [sink, key, Param::Bytes(value)];
    state.transact("save a sink's value", |transaction| {
        let sql = "INSERT INTO sink_values VALUES ($1, $2, $3)
             ON CONFLICT (sink, key) DO UPDATE SET value = excluded.value";
        transaction.execute(sql, &params).map(drop)
    })
}

pub(super) fn sink_keys(state: &Postgres, sink: &str) -> Result<Vec<String>> {
    state.transact("list a sink's values", |transaction| {
        let sql = "SELECT key FROM sink_values WHERE sink = $1 ORDER BY key COLLATE \"C\"";
        let rows = transaction.query(sql, &[Param::Text(sink)])?;
        rows.iter().map(|row| get(row, 0)).collect()
    })
}
