//! The tables `pages` and `notes`: reading and writing records.

use std::{collections::HashMap, sync::Arc};

use tokio_postgres::Row;

use super::{
    database::{Database, Failure, Param, Transaction, get},
    fence::guard,
};
use crate::{
    Record, Result,
    backend::{RecordReader, RecordWriter},
    checksum::hash,
    records::{NOTE, PageId, READ_BYTES, Stored, is_note, note_checksum},
};

/// The columns that [`read_row`] expects, in this order.
const COLUMNS: &str = "place, key, kind, observed_at, size, checksum, body";

/// How many records to fetch at once. The server sends them all, whatever their size.
const ROWS: i64 = 64;

/// How many of the last records [`newest`] looks at. Pages that are copied from an earlier crawl keep
/// their old times, so the last record need not be the newest.
const LAST: i64 = 256;

/// Writes the records of one crawl, with a connection of its own.
pub(super) struct Writer {
    database: Database,
    crawl: i64,
    fence: i64,
    last: PageId,
}

impl Writer {
    pub(super) fn new(mut database: Database, crawl: i64, fence: i64) -> Result<Self> {
        let last = database.transact("read the journal", |transaction| {
            last_sequence(transaction, crawl)
        })?;
        Ok(Self {
            database,
            crawl,
            fence,
            last: PageId::new(crawl, last),
        })
    }
}

impl RecordWriter for Writer {
    fn write(&mut self, rows: &[Stored]) -> Result<()> {
        let (crawl, fence, first) = (self.crawl, self.fence, self.last);
        // The last record of each key, in the order in which the keys came first.
        let mut newest: HashMap<&str, usize> = HashMap::new();
        let mut order: Vec<&str> = Vec::new();
        for (index, row) in rows.iter().enumerate() {
            if newest.insert(&row.key, index).is_none() {
                order.push(&row.key);
            }
        }
        let records = order.iter().map(|&key| &rows[newest[key]]);
        let (notes, pages): (Vec<_>, Vec<_>) = records.partition(|row| row.kind == NOTE);
        self.last = self.database.transact("write pages", |transaction| {
            guard(transaction, crawl, fence)?;
            write_notes(transaction, crawl, &notes)?;
            write_pages(transaction, crawl, first, &pages)
        })?;
        Ok(())
    }
}

/// Writes pages, each at the place of the page with the same key or after `last`. Returns the last
/// place.
fn write_pages(
    transaction: &mut Transaction<'_>,
    crawl: i64,
    last: PageId,
    pages: &[&Stored],
) -> Result<PageId, Failure> {
    if pages.is_empty() {
        return Ok(last);
    }
    let hashes: Vec<i64> = pages.iter().map(|page| hash(&page.key)).collect();
    let found = transaction.query(
        "SELECT key, place FROM pages WHERE hash = ANY($1) AND place BETWEEN $2 AND $3",
        &[
            Param::Ints(hashes.clone()),
            Param::Int(PageId::before(crawl).0),
            Param::Int(PageId::end(crawl).0),
        ],
    )?;
    let mut places = HashMap::new();
    for row in &found {
        places.insert(get::<&str>(row, 0)?, PageId(get(row, 1)?));
    }
    // If an earlier attempt was committed unnoticed, its pages are found, and only the last place
    // has to be found out.
    let mut last = if transaction.is_repeated {
        PageId::new(crawl, last_sequence(transaction, crawl)?)
    } else {
        last
    };
    let place = pages.iter().map(|page| {
        places.get(&*page.key).copied().unwrap_or_else(|| {
            last = last.next();
            last
        })
    });
    let place: Vec<PageId> = place.collect();
    let sums = pages.iter().zip(&place);
    let sums = sums.map(|(page, &place)| page.checksum(place)).collect();
    transaction.execute(
        "INSERT INTO pages (place, hash, key, kind, observed_at, size, checksum, body)
         SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (place) DO UPDATE SET kind = excluded.kind,
             observed_at = excluded.observed_at, size = excluded.size,
             checksum = excluded.checksum, body = excluded.body",
        &[
            Param::Ints(place.iter().map(|place| place.0).collect()),
            Param::Ints(hashes),
            Param::Texts(pages.iter().map(|page| &*page.key).collect()),
            Param::Ints(pages.iter().map(|page| page.kind).collect()),
            Param::Ints(pages.iter().map(|page| page.observed_at).collect()),
            Param::Ints(pages.iter().map(|page| page.size).collect()),
            Param::Ints(sums),
            Param::ByteStrings(pages.iter().map(|page| page.body.as_slice()).collect()),
        ],
    )?;
    Ok(last)
}

fn write_notes(
    transaction: &mut Transaction<'_>,
    crawl: i64,
    notes: &[&Stored],
) -> Result<(), Failure> {
    if notes.is_empty() {
        return Ok(());
    }
    let sums = notes.iter();
    let sums = sums.map(|note| note_checksum(crawl, &note.key, note.size, &note.body));
    transaction.execute(
        "INSERT INTO notes (crawl, key, size, body, checksum)
         SELECT $1, * FROM unnest($2, $3, $4, $5)
         ON CONFLICT (crawl, key) DO UPDATE SET size = excluded.size, body = excluded.body,
             checksum = excluded.checksum",
        &[
            Param::Int(crawl),
            Param::Texts(notes.iter().map(|note| &*note.key).collect()),
            Param::Ints(notes.iter().map(|note| note.size).collect()),
            Param::ByteStrings(notes.iter().map(|note| note.body.as_slice()).collect()),
            Param::Ints(sums.collect()),
        ],
    )?;
    Ok(())
}

/// Reads records, with a connection of its own.
pub(super) struct Reader(pub(super) Database);

impl RecordReader for Reader {
    fn read(&mut self, crawl: i64, key: &str) -> Result<Option<Record>> {
        self.0.transact("read the journal", |transaction| {
            if is_note(key) {
                let row = transaction.query_opt(
                    "SELECT key, size, body, checksum FROM notes WHERE crawl = $1 AND key = $2",
                    &[Param::Int(crawl), Param::Text(key)],
                )?;
                return row.map(|row| note(&row, crawl)).transpose();
            }
            let sql = format!(
                "SELECT {COLUMNS} FROM pages
                 WHERE hash = $1 AND place BETWEEN $2 AND $3 AND key = $4"
            );
            let params = [
                Param::Int(hash(key)),
                Param::Int(PageId::before(crawl).0),
                Param::Int(PageId::end(crawl).0),
                Param::Text(key),
            ];
            let row = transaction.query_opt(&sql, &params)?;
            row.map(|row| Ok(read_row(&row)?.2)).transpose()
        })
    }

    fn read_some(
        &mut self,
        after: PageId,
        last: PageId,
    ) -> Result<Vec<(PageId, Arc<str>, Record)>> {
        self.0.transact("read the journal", |transaction| {
            let sql = format!(
                "SELECT {COLUMNS} FROM pages WHERE place > $1 AND place <= $2
                 ORDER BY place LIMIT $3"
            );
            let params = [Param::Int(after.0), Param::Int(last.0), Param::Int(ROWS)];
            let rows = transaction.query(&sql, &params)?;
            let (mut records, mut bytes, mut before) = (Vec::new(), 0, after);
            for row in &rows {
                if bytes >= READ_BYTES {
                    break;
                }
                let (place, key, record) = read_row(row)?;
                // Sequences have no gaps, so a gap is damage.
                if place != before.next() {
                    return Err(damaged(before.next()));
                }
                before = place;
                bytes += record.body.len();
                records.push((place, key, record));
            }
            if records.is_empty() && after < last {
                return Err(damaged(after.next()));
            }
            Ok(records)
        })
    }

    fn last_sequence(&mut self, crawl: i64) -> Result<i64> {
        self.0.transact("read the journal", |transaction| {
            last_sequence(transaction, crawl)
        })
    }
}

impl Reader {
    /// Compares the checksums of all notes of a crawl.
    pub(super) fn check_notes(&mut self, crawl: i64) -> Result<()> {
        self.0.transact("read the journal", |transaction| {
            let rows = transaction.query(
                "SELECT key, size, body, checksum FROM notes WHERE crawl = $1",
                &[Param::Int(crawl)],
            )?;
            rows.iter().try_for_each(|row| note(row, crawl).map(drop))
        })
    }
}

/// Reads a row of [`COLUMNS`] and compares its checksum.
fn read_row(row: &Row) -> Result<(PageId, Arc<str>, Record), Failure> {
    let place = PageId(get(row, 0)?);
    let stored = Stored {
        key: get::<&str>(row, 1)?.into(),
        kind: get(row, 2)?,
        observed_at: get(row, 3)?,
        size: get(row, 4)?,
        body: get(row, 6)?,
    };
    let is_whole = stored.checksum(place) == get::<i64>(row, 5)? && stored.kind != NOTE;
    let record = is_whole.then(|| stored.record()).flatten();
    let record = record.ok_or_else(|| damaged(place))?;
    Ok((place, stored.key, record))
}

fn note(row: &Row, crawl: i64) -> Result<Record, Failure> {
    let note = Stored {
        key: get::<&str>(row, 0)?.into(),
        kind: NOTE,
        observed_at: 0,
        size: get(row, 1)?,
        body: get(row, 2)?,
    };
    let sum = note_checksum(crawl, &note.key, note.size, &note.body);
    let is_whole = get::<i64>(row, 3)? == sum;
    let record = is_whole.then(|| note.record()).flatten();
    record.ok_or_else(|| Failure::Damaged(format!("a note of crawl {crawl} is not readable")))
}

fn damaged(place: PageId) -> Failure {
    Failure::Damaged(format!(
        "page {} of crawl {} is missing or not readable",
        place.sequence(),
        place.crawl()
    ))
}

/// The number of pages and failures of a crawl, which is the sequence of the last one.
pub(super) fn last_sequence(transaction: &mut Transaction<'_>, crawl: i64) -> Result<i64, Failure> {
    let before = PageId::before(crawl).0;
    let row = transaction.query_one(
        "SELECT coalesce(max(place), $1) FROM pages WHERE place BETWEEN $1 AND $2",
        &[Param::Int(before), Param::Int(PageId::end(crawl).0)],
    )?;
    Ok(PageId(get(&row, 0)?).sequence())
}

/// The newest time among the last records, in microseconds of Unix time; `None` without records.
pub(super) fn newest(
    transaction: &mut Transaction<'_>,
    crawl: i64,
) -> Result<Option<i64>, Failure> {
    let row = transaction.query_one(
        "SELECT max(observed_at) FROM (SELECT observed_at FROM pages
             WHERE place > $1 AND place <= $2 ORDER BY place DESC LIMIT $3) AS last",
        &[
            Param::Int(PageId::before(crawl).0),
            Param::Int(PageId::end(crawl).0),
            Param::Int(LAST),
        ],
    )?;
    get(&row, 0)
}
