//! The table `fortilake_scopes`, and what may be done to the rows of each scope.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use fortilake_postgres as sql;
use fortilake_sink::{
    DataType, Error, Field, Kind, Outcome, Result, Schema, ScopeId, ScopeOutcome, ScopeResult,
    TimeUnit,
};

use super::Claim;
use crate::connection::Connection;
use crate::encode;
use crate::types::Type;

/// The table's name.
const TABLE: &str = "fortilake_scopes";

/// The temporary table with the scopes of the outcome.
const OUTCOME: &str = "pg_temp.fortilake_outcome";

/// The temporary table that says for each known scope what may be done to its rows.
pub(crate) const DECISIONS: &str = "pg_temp.fortilake_decisions";

/// How many scopes are encoded at once.
const AT_ONCE: usize = 4096;

/// Whether there are scopes that need more statements.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Special {
    /// Scopes that a newer crawl has replaced, so that rows of this crawl are not for them.
    pub(crate) newer: bool,
    /// Scopes that no longer exist.
    pub(crate) gone: bool,
}

/// Copies the outcome into a temporary table, and decides what may be done to the rows of each scope.
///
/// Indexing the outcome in the database, and not here, lets the server join it with the rows: there may be 80,000 scopes.
pub(crate) async fn decide(
    connection: &Connection,
    schema: &str,
    claim: &Claim,
    outcome: &Outcome,
) -> Result<Special> {
    let create = "CREATE TEMPORARY TABLE fortilake_outcome (\
         scope text COLLATE \"C\" PRIMARY KEY, source text, endpoint text, subject text, \
         result text, error text, rows bigint, observed_at timestamp with time zone, \
         beginning text COLLATE \"C\") ON COMMIT DROP";
    let action = "prepare the list of scopes";
    connection.run(action, create).await?;
    let rows = encode_scopes(&outcome.scopes)?;
    connection.copy(action, OUTCOME, rows.as_slice()).await?;

    // A scope without a row here was never seen, unless a newer crawl found that it does not exist.
    let decide = format!(
        "ANALYZE {OUTCOME}; \
         CREATE TEMPORARY TABLE fortilake_decisions ON COMMIT DROP AS \
         WITH known AS (\
           SELECT scope, split_part(scope, '/', 1) || '/' || split_part(scope, '/', 2) || '/' AS beginning, \
             scopes.scope IS NOT NULL AS is_seen, scopes.snapshot, latest.result \
           FROM {scopes} AS scopes FULL JOIN {OUTCOME} AS latest USING (scope)), \
         endpoints AS (\
           SELECT beginning, beginning = ANY ({exhaustive}) AS is_exhaustive, \
             EXISTS (SELECT FROM {OUTCOME} AS failed \
               WHERE failed.beginning = all_of.beginning AND result = 'failed') AS has_failed, \
             EXISTS (SELECT FROM {snapshots} WHERE published_at IS NOT NULL AND name > {name} \
               AND all_of.beginning = ANY (exhaustive)) AS has_newer \
           FROM (SELECT DISTINCT beginning FROM known) AS all_of), \
         compared AS (\
           SELECT scope, result, is_exhaustive, has_failed, \
             CASE WHEN is_seen THEN coalesce(snapshot > {name}, false) ELSE has_newer END AS is_newer \
           FROM known JOIN endpoints USING (beginning)) \
         SELECT scope, is_newer, \
           NOT is_newer AND coalesce(result <> 'failed', is_exhaustive) AS may_delete, \
           is_exhaustive AND NOT has_failed AS is_settled, \
           NOT is_newer AND result IS NULL AND is_exhaustive AS is_gone \
         FROM compared; \
         ANALYZE {DECISIONS}; \
         SELECT coalesce(bool_or(is_newer), false), coalesce(bool_or(is_gone), false) FROM {DECISIONS}",
        scopes = full_name(schema),
        snapshots = format_args!("{}.{}", sql::name(schema), sql::name(super::TABLE)),
        exhaustive = exhaustive(outcome),
        name = sql::literal(&claim.name),
    );
    let rows = connection.query(action, &decide).await?;
    let is_true = |index| rows.last().and_then(|row| row.get(index)) == Some("t");
    Ok(Special {
        newer: is_true(0),
        gone: is_true(1),
    })
}

/// Records the results of the scopes, once their rows are replaced.
pub(crate) async fn record(connection: &Connection, schema: &str, claim: &Claim) -> Result<()> {
    let name = sql::literal(&claim.name);
    // What an older crawl says about failures is out of date.
    let on_failure = if claim.is_behind {
        "DO NOTHING"
    } else {
        "DO UPDATE SET result = EXCLUDED.result, error = EXCLUDED.error"
    };
    let record = format!(
        "INSERT INTO {table} AS scopes \
           SELECT scope, source, endpoint, subject, result, error, rows, observed_at, {name} \
           FROM {OUTCOME} JOIN {DECISIONS} USING (scope) WHERE result <> 'failed' AND NOT is_newer \
         ON CONFLICT (scope) DO UPDATE SET result = EXCLUDED.result, error = EXCLUDED.error, \
           rows = EXCLUDED.rows, observed_at = EXCLUDED.observed_at, snapshot = EXCLUDED.snapshot; \
         INSERT INTO {table} AS scopes \
           SELECT scope, source, endpoint, subject, result, error, 0, NULL, NULL \
           FROM {OUTCOME} WHERE result = 'failed' \
         ON CONFLICT (scope) {on_failure}; \
         UPDATE {table} AS scopes SET result = 'gone', error = NULL, rows = 0, snapshot = {name} \
           FROM {DECISIONS} AS decisions WHERE scopes.scope = decisions.scope AND is_gone",
        table = full_name(schema),
    );
    connection
        .run(&format!("update the table `{TABLE}`"), &record)
        .await
}

/// The beginnings of the scopes of which all are listed, as an SQL array.
pub(crate) fn exhaustive(outcome: &Outcome) -> String {
    let beginnings = outcome.exhaustive.iter().map(|(source, endpoint)| {
        let scope = ScopeId {
            source: source.clone(),
            endpoint: endpoint.clone(),
            subject: String::new(),
        };
        sql::literal(&scope.text())
    });
    let beginnings: Vec<_> = beginnings.collect();
    format!("ARRAY[{}]::text[]", beginnings.join(", "))
}

/// Microseconds of Unix time as an SQL value.
pub(crate) fn instant(microseconds: i64) -> String {
    format!("('epoch'::timestamptz + {microseconds} * interval '1 microsecond')")
}

fn full_name(schema: &str) -> String {
    format!("{}.{}", sql::name(schema), sql::name(TABLE))
}

/// The scopes as a file for COPY.
fn encode_scopes(scopes: &[ScopeOutcome]) -> Result<Vec<u8>> {
    let mut rows = encode::HEADER.to_vec();
    for scopes in scopes.chunks(AT_ONCE) {
        let records = records(scopes).map_err(|error| {
            let text = "cannot write the list of scopes";
            Error::new(Kind::Internal, text).with_source(error)
        })?;
        let types: Option<Vec<_>> = records
            .schema_ref()
            .fields()
            .iter()
            .map(|field| Type::of(field.data_type()))
            .collect();
        for (row, found) in scopes.iter().enumerate() {
            let beginning = ScopeId {
                subject: String::new(),
                ..(*found.scope).clone()
            };
            let types = types.as_deref().unwrap_or_default();
            encode::rows(&records.slice(row, 1), types, &beginning.text(), &mut rows)?;
        }
    }
    rows.extend(encode::TRAILER);
    Ok(rows)
}

fn records(
    scopes: &[ScopeOutcome],
) -> Result<RecordBatch, impl std::error::Error + Send + Sync + 'static> {
    let text = |value: fn(&ScopeOutcome) -> Option<String>| -> ArrayRef {
        Arc::new(scopes.iter().map(value).collect::<StringArray>())
    };
    let rows = scopes.iter().map(|found| {
        let rows: u64 = found.rows.values().sum();
        i64::try_from(rows).unwrap_or(i64::MAX)
    });
    let times = scopes.iter().map(|found| found.observed_at);
    let columns: [(&str, ArrayRef); 8] = [
        ("scope", text(|found| Some(found.scope.text()))),
        ("source", text(|found| Some(found.scope.source.clone()))),
        ("endpoint", text(|found| Some(found.scope.endpoint.clone()))),
        ("subject", text(|found| Some(found.scope.subject.clone()))),
        (
            "result",
            text(|found| Some(result(&found.result).to_owned())),
        ),
        ("error", text(|found| error(&found.result))),
        ("rows", Arc::new(rows.collect::<Int64Array>())),
        (
            "observed_at",
            Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC")),
        ),
    ];
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let fields = columns.iter().map(|(name, values)| {
        let data_type = match *name {
            "observed_at" => utc.clone(),
            _ => arrow_array::Array::data_type(values).clone(),
        };
        Field::new(*name, data_type, true)
    });
    let schema = Schema::new(fields.collect::<Vec<_>>());
    let columns = columns.into_iter().map(|(_, values)| values).collect();
    RecordBatch::try_new(Arc::new(schema), columns)
}

fn result(result: &ScopeResult) -> &'static str {
    match result {
        ScopeResult::Complete => "complete",
        ScopeResult::Failed { .. } => "failed",
        ScopeResult::Carried { .. } => "carried",
    }
}

fn error(result: &ScopeResult) -> Option<String> {
    match result {
        ScopeResult::Complete => None,
        ScopeResult::Failed { error } => Some(error.clone()),
        ScopeResult::Carried { error, .. } => error.clone(),
    }
}
