//! The actions of a commit.

use fortilake_sink::{Error, Kind, Result};
use fortilake_snapshot::parquet::FileStatistics;
use fortilake_snapshot::{File, Manifest, Place, PublishedTable};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::log::{Log, METADATA, SNAPSHOT};
use crate::{schema, statistics};

/// The application id of our transactions.
const APP: &str = "fortilake";

/// How long `VACUUM` and log cleanup must leave files alone. Which snapshots are kept is decided by the sink's `keep`,
/// and a hundred years is as close to "never" as the format has.
const FOREVER: &str = "interval 36500 days";

/// What a version makes of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version<'a> {
    /// The rows that the snapshot has of this table.
    Of(&'a PublishedTable),
    /// No rows, because the snapshot does not have the table.
    Without,
    /// A version before the snapshot that brought this table, so that versions are equal across tables.
    Before(&'a PublishedTable),
}

/// The content of the next commit of `log`, for the snapshot of `manifest`.
///
/// It depends only on the log and the snapshot, so two processes that register the same snapshot write the same.
pub(crate) async fn commit(
    place: &dyn Place,
    log: &Log,
    manifest: &Manifest,
    version: Version<'_>,
) -> Result<Vec<u8>> {
    let time = millis(&manifest.outcome.finished_at)?;
    let adds = match version {
        Version::Of(table) => adds(place, table, time).await?,
        Version::Without | Version::Before(_) => Vec::new(),
    };
    let metadata = metadata(log, manifest, version, time)?;
    let valid = match (&metadata, &log.metadata) {
        (None, Some((_, valid))) => *valid,
        _ => log.length,
    };
    let mut actions = vec![json!({"commitInfo": info(manifest, version, valid, &adds, time)})];
    if log.length == 0 {
        // Times without a zone need `timestampNtz`, and NOT NULL columns need `invariants`. Every table lists both, so
        // that a column that comes later needs no upgrade.
        actions.push(json!({"protocol": {
            "minReaderVersion": 3,
            "minWriterVersion": 7,
            "readerFeatures": ["timestampNtz"],
            "writerFeatures": ["timestampNtz", "invariants"],
        }}));
    }
    actions.extend(metadata.map(|metadata| json!({"metaData": metadata})));
    actions.push(json!({"txn": {"appId": APP, "version": log.length, "lastUpdated": time}}));
    actions.extend(
        log.active
            .iter()
            .map(|add| json!({"remove": remove(add, time)})),
    );
    actions.extend(adds.into_iter().map(|add| json!({"add": add})));
    let lines = actions.iter().map(|action| format!("{action}\n"));
    Ok(lines.collect::<String>().into_bytes())
}

fn info(
    manifest: &Manifest,
    version: Version<'_>,
    metadata: u64,
    adds: &[Value],
    time: i64,
) -> Value {
    let (rows, bytes) = match version {
        Version::Of(table) => (table.rows, table.files.iter().map(|file| file.bytes).sum()),
        Version::Without | Version::Before(_) => (0, 0),
    };
    let mut info = json!({
        "timestamp": time,
        "operation": "WRITE",
        "operationParameters": {"mode": "Overwrite", "partitionBy": "[]"},
        "isBlindAppend": false,
        "engineInfo": manifest.crawl.generator,
        "operationMetrics": {
            "numFiles": adds.len().to_string(),
            "numOutputRows": rows.to_string(),
            "numOutputBytes": bytes.to_string(),
        },
        METADATA: metadata,
    });
    if !matches!(version, Version::Before(_)) {
        info[SNAPSHOT] = manifest.snapshot.as_str().into();
        info["fortilakeCrawl"] = manifest.crawl.id.as_str().into();
        info["fortilakeComplete"] = manifest.outcome.complete.into();
    }
    info
}

/// The `metaData` of the commit; `None` if it does not change.
fn metadata(
    log: &Log,
    manifest: &Manifest,
    version: Version<'_>,
    time: i64,
) -> Result<Option<Map<String, Value>>> {
    let (Version::Of(table) | Version::Before(table)) = version else {
        return Ok(None);
    };
    let known = log.fields()?;
    let fields = schema::merge(&known, table)?;
    let mut metadata = match &log.metadata {
        Some(_) if fields == known => return Ok(None),
        Some((metadata, _)) => metadata.clone(),
        None => first_metadata(manifest, table, time),
    };
    let schema = json!({"type": "struct", "fields": fields});
    metadata.insert("schemaString".to_owned(), schema.to_string().into());
    Ok(Some(metadata))
}

fn first_metadata(manifest: &Manifest, table: &PublishedTable, time: i64) -> Map<String, Value> {
    let members = [
        ("id", id(manifest, table).into()),
        ("name", table.name.as_str().into()),
        ("description", table.summary.as_str().into()),
        ("format", json!({"provider": "parquet", "options": {}})),
        ("partitionColumns", json!([])),
        ("createdTime", time.into()),
        (
            "configuration",
            json!({
                "delta.deletedFileRetentionDuration": FOREVER,
                "delta.logRetentionDuration": FOREVER,
                "delta.enableExpiredLogCleanup": "false",
            }),
        ),
    ];
    let members = members.into_iter();
    members
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// The unique id of a table, which stays for good. It is a UUID made from the attempt that published first.
fn id(manifest: &Manifest, table: &PublishedTable) -> String {
    let seed = format!("{} {} {}", manifest.crawl.id, manifest.token, table.name);
    let mut digest = Sha256::digest(seed);
    // The bits that mark a UUID with a content of its own (version 8).
    digest[6] = (digest[6] & 0x0f) | 0x80;
    digest[8] = (digest[8] & 0x3f) | 0x80;
    let hex = digest[..16]
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    parts.join("-")
}

async fn adds(place: &dyn Place, table: &PublishedTable, time: i64) -> Result<Vec<Value>> {
    let mut adds = Vec::with_capacity(table.files.len());
    for file in &table.files {
        let statistics = FileStatistics::read(place, &file.path).await?;
        adds.push(json!({
            "path": relative(table, file)?,
            "partitionValues": {},
            "size": file.bytes,
            "modificationTime": time,
            "dataChange": true,
            "stats": statistics::text(&statistics, &table.columns),
        }));
    }
    Ok(adds)
}

/// The path of a file relative to its table, which is where the log lies. Readers fail on all other forms.
fn relative<'a>(table: &PublishedTable, file: &'a File) -> Result<&'a str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/=-_.".contains(&byte);
    let below = file.path.strip_prefix(table.name.as_str());
    let below = below.and_then(|rest| rest.strip_prefix('/'));
    // The format wants other characters escaped, but no file of ours has them.
    below
        .filter(|path| path.bytes().all(is_plain))
        .ok_or_else(|| {
            let text = format!("`{}` is not a file of table `{}`", file.path, table.name);
            Error::new(Kind::Rejected, text)
        })
}

fn remove(add: &Map<String, Value>, time: i64) -> Map<String, Value> {
    let mut remove = Map::from_iter([
        ("deletionTimestamp".to_owned(), time.into()),
        ("dataChange".to_owned(), true.into()),
        ("extendedFileMetadata".to_owned(), true.into()),
    ]);
    for name in ["path", "partitionValues", "size", "deletionVector"] {
        let value = add.get(name).filter(|value| !value.is_null());
        remove.extend(value.map(|value| (name.to_owned(), value.clone())));
    }
    remove
}

fn millis(time: &str) -> Result<i64> {
    let time: Timestamp = time.parse().map_err(|error| {
        let text = format!("`{time}` in a manifest is not a time");
        Error::new(Kind::Rejected, text).with_source(error)
    })?;
    Ok(time.as_millisecond())
}
