//! Matches the sorted rows of two snapshots.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::path::Path;

use fortilake_sink::{Error, Kind, Result};

use crate::buckets::Side;
use crate::codec::{KEY, SCOPE, VALUE};
use crate::coverage::Coverage;
use crate::plan::{Line, Plan};
use crate::sort::{MEMORY, Record, Sorted, Sorter};

/// What happened to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowEvent {
    Inserted,
    Updated,
    Deleted,
    Moved,
    Renewed,
}

/// A change of one row.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) event: RowEvent,
    /// The old row; `None` if it was inserted, or if it was renewed and the old term is still there.
    pub(crate) before: Option<Record>,
    /// The new row; `None` if it was deleted.
    pub(crate) after: Option<Record>,
}

/// What the two snapshots know.
#[derive(Debug)]
pub(crate) struct Known<'a> {
    pub(crate) old: &'a Coverage,
    pub(crate) new: &'a Coverage,
    /// Whether a row that the old snapshot may have missed counts as inserted.
    pub(crate) counts_first_seen: bool,
}

/// Passes each change to `emit`. Returns how many old rows may still exist, because the new snapshot did not read their
/// scope.
pub(crate) fn compare(
    plan: &Plan,
    known: &Known<'_>,
    [old, new]: [Sorted; 2],
    scratch: &Path,
    emit: &mut dyn FnMut(Change) -> Result<()>,
) -> Result<u64> {
    let mut unmatched = Unmatched {
        plan,
        known,
        eligible: HashMap::new(),
        sorter: Sorter::new(scratch, MEMORY),
    };
    merge(plan, old, new, &mut unmatched, emit)?;
    unmatched.finish(emit)
}

/// Matches rows by their natural key. Rows without a partner are left to `unmatched`.
fn merge(
    plan: &Plan,
    mut old: Sorted,
    mut new: Sorted,
    unmatched: &mut Unmatched<'_>,
    emit: &mut dyn FnMut(Change) -> Result<()>,
) -> Result<()> {
    loop {
        let group = match (old.peek(), new.peek()) {
            (None, None) => return Ok(()),
            (Some(record), None) | (None, Some(record)) => group(plan, record).to_vec(),
            (Some(old), Some(new)) => group(plan, old).min(group(plan, new)).to_vec(),
        };
        let olds = old.take_while(|record| group_is(plan, record, &group))?;
        let news = new.take_while(|record| group_is(plan, record, &group))?;
        // This looks at all old terms, before equal ones are dropped: a new term that ends before an unchanged one
        // renews nothing.
        let last_end = plan.line.and_then(|line| last_end(line, &olds));
        let mut found = Matches::new(olds, news);
        if let Some((line, last_end)) = plan.line.zip(last_end) {
            found.renew(line, &last_end, emit)?;
        }
        for (before, after) in found.updates {
            emit(Change {
                event: RowEvent::Updated,
                before: Some(before),
                after: Some(after),
            })?;
        }
        for record in found.olds {
            unmatched.push(Side::Old, &record)?;
        }
        for record in found.news {
            unmatched.push(Side::New, &record)?;
        }
    }
}

/// The bytes by which rows are grouped: the line, or the natural key.
fn group<'a>(plan: &Plan, record: &'a Record) -> &'a [u8] {
    let key = record.part(KEY);
    // Terms of one line are compared with each other whatever their start, because a renewed term can have another
    // start date and so another key.
    let start = plan.line.map_or(0, |line| line.start_width);
    &key[..key.len().saturating_sub(start)]
}

fn group_is(plan: &Plan, record: &Record, expected: &[u8]) -> bool {
    group(plan, record) == expected
}

/// The latest end of the terms of a line; `None` if no term has one.
fn last_end(line: Line, terms: &[Record]) -> Option<Vec<u8>> {
    let ends = terms.iter().filter_map(|term| end(line, term));
    ends.max().map(<[u8]>::to_vec)
}

/// The end of a term in bytes that sort like the time; `None` if it is null, which the first byte says.
fn end(line: Line, term: &Record) -> Option<&[u8]> {
    let end = term.part(VALUE).get(..line.end_width)?;
    (end.first() == Some(&1)).then_some(end)
}

/// The rows of one group, in order, after equal rows have been dropped.
#[derive(Debug)]
struct Matches {
    /// Rows with the same natural key, but other values.
    updates: Vec<(Record, Record)>,
    olds: Vec<Record>,
    news: Vec<Record>,
}

impl Matches {
    fn new(olds: Vec<Record>, news: Vec<Record>) -> Self {
        let (olds, news) = unequal(olds, news);
        let mut matches = Self {
            updates: Vec::new(),
            olds: Vec::new(),
            news: Vec::new(),
        };
        // What is left under the same key is paired in order: the multisets have no better pairing.
        let (mut olds, mut news) = (olds.into_iter().peekable(), news.into_iter().peekable());
        while let (Some(old), Some(new)) = (olds.peek(), news.peek()) {
            match old.part(KEY).cmp(new.part(KEY)) {
                Ordering::Less => matches.olds.extend(olds.next()),
                Ordering::Greater => matches.news.extend(news.next()),
                Ordering::Equal => matches.updates.extend(olds.next().zip(news.next())),
            }
        }
        matches.olds.extend(olds);
        matches.news.extend(news);
        matches
    }

    /// Takes out the terms that end later than the line ended before.
    ///
    /// A renewed term replaces the old row under its key, or else the row of the line that is gone and ended last. If
    /// all old terms are still there, the renewed term is a new row.
    fn renew(
        &mut self,
        line: Line,
        last_end: &[u8],
        emit: &mut dyn FnMut(Change) -> Result<()>,
    ) -> Result<()> {
        let is_later = |term: &Record| end(line, term).is_some_and(|end| end > last_end);
        let mut renewed = Vec::new();
        for (before, after) in std::mem::take(&mut self.updates) {
            if is_later(&after) {
                renewed.push((Some(before), after));
            } else {
                self.updates.push((before, after));
            }
        }
        for after in std::mem::take(&mut self.news) {
            if !is_later(&after) {
                self.news.push(after);
                continue;
            }
            let gone = self.olds.iter().enumerate();
            let last = gone
                .max_by_key(|(_, term)| end(line, term))
                .map(|(at, _)| at);
            renewed.push((last.map(|at| self.olds.remove(at)), after));
        }
        for (before, after) in renewed {
            emit(Change {
                event: RowEvent::Renewed,
                before,
                after: Some(after),
            })?;
        }
        Ok(())
    }
}

/// Drops the rows that both lists contain, as multisets. Both lists are sorted.
fn unequal(olds: Vec<Record>, news: Vec<Record>) -> (Vec<Record>, Vec<Record>) {
    let (mut left, mut right) = (Vec::new(), Vec::new());
    let (mut olds, mut news) = (olds.into_iter().peekable(), news.into_iter().peekable());
    while let (Some(old), Some(new)) = (olds.peek(), news.peek()) {
        match compared(old).cmp(&compared(new)) {
            Ordering::Less => left.extend(olds.next()),
            Ordering::Greater => right.extend(news.next()),
            Ordering::Equal => drop(olds.next().zip(news.next())),
        }
    }
    left.extend(olds);
    right.extend(news);
    (left, right)
}

/// The parts of a record that are compared.
fn compared(record: &Record) -> (&[u8], &[u8]) {
    (record.part(KEY), record.part(VALUE))
}

/// Rows without a partner under their natural key. They may have one in another account.
struct Unmatched<'a> {
    plan: &'a Plan,
    known: &'a Known<'a>,
    /// Whether the other snapshot would contain a row of this scope, by side.
    eligible: HashMap<(Side, Vec<u8>), bool>,
    sorter: Sorter,
}

/// A row of [`Unmatched`], read back in the order of the key without the account.
struct Lone {
    side: Side,
    is_eligible: bool,
    record: Record,
}

/// What is stored with each row: the side it is from, and whether it is eligible.
const TAG: usize = VALUE;

/// The packed record.
const PACKED: usize = SCOPE;

impl Unmatched<'_> {
    fn push(&mut self, side: Side, record: &Record) -> Result<()> {
        let is_eligible = self.is_eligible(side, record)?;
        let key = record.part(KEY);
        // Sorted without the account, the old and the new row of a device that moved come together.
        let key = self.plan.account_width.map_or(key, |width| &key[width..]);
        let tag = [u8::from(side == Side::New), u8::from(!is_eligible)];
        self.sorter
            .push(Record::new([key, &tag, &record.pack(), &[]]))
    }

    /// Whether the row counts as inserted or deleted: the other snapshot read its scope completely.
    fn is_eligible(&mut self, side: Side, record: &Record) -> Result<bool> {
        let scope = (side, record.part(SCOPE).to_vec());
        if let Some(known) = self.eligible.get(&scope) {
            return Ok(*known);
        }
        if side == Side::New && self.known.counts_first_seen {
            return Ok(true);
        }
        let (source, account) = self.plan.codec.scope(record)?;
        let (own, other) = match side {
            Side::Old => (self.known.old, self.known.new),
            Side::New => (self.known.new, self.known.old),
        };
        let is_eligible = self.plan.endpoint.is_some_and(|endpoint| {
            other.knows(
                endpoint,
                source.as_deref().unwrap_or_default(),
                account,
                own,
            )
        });
        self.eligible.insert(scope, is_eligible);
        Ok(is_eligible)
    }

    /// Pairs rows that moved to another account, and passes on the others if they are eligible.
    fn finish(self, emit: &mut dyn FnMut(Change) -> Result<()>) -> Result<u64> {
        let mut unknown = 0;
        let mut sorted = self.sorter.finish()?;
        while let Some(first) = sorted.peek() {
            let key = first.part(KEY).to_vec();
            let rows = sorted.take_while(|record| record.part(KEY) == key)?;
            let rows: Result<Vec<_>> = rows.iter().map(Lone::unpack).collect();
            let (mut olds, mut news): (Vec<_>, Vec<_>) =
                rows?.into_iter().partition(|row| row.side == Side::Old);
            // The first byte of a null is 0. Devices without a serial number cannot be recognized.
            let width = self.plan.account_width.filter(|_| key.first() != Some(&0));
            if let Some(width) = width {
                moves(width, &mut olds, &mut news, emit)?;
            }
            unknown += olds.iter().filter(|row| !row.is_eligible).count() as u64;
            for row in olds.into_iter().filter(|row| row.is_eligible) {
                emit(Change {
                    event: RowEvent::Deleted,
                    before: Some(row.record),
                    after: None,
                })?;
            }
            for row in news.into_iter().filter(|row| row.is_eligible) {
                emit(Change {
                    event: RowEvent::Inserted,
                    before: None,
                    after: Some(row.record),
                })?;
            }
        }
        Ok(unknown)
    }
}

/// Takes out pairs of rows that differ in their account.
///
/// One of the two accounts may be unknown to the other snapshot, because its scope failed there. A serial number is in
/// one account at a time, so the row has moved in any case, and reporting a deletion would be wrong.
fn moves(
    width: usize,
    olds: &mut Vec<Lone>,
    news: &mut Vec<Lone>,
    emit: &mut dyn FnMut(Change) -> Result<()>,
) -> Result<()> {
    for old in std::mem::take(olds) {
        let account = &old.record.part(KEY)[..width];
        let partner = news.iter().position(|new| {
            new.record.part(KEY)[..width] != *account && (old.is_eligible || new.is_eligible)
        });
        match partner {
            None => olds.push(old),
            Some(at) => emit(Change {
                event: RowEvent::Moved,
                before: Some(old.record),
                after: Some(news.remove(at).record),
            })?,
        }
    }
    Ok(())
}

impl Lone {
    fn unpack(stored: &Record) -> Result<Self> {
        let tag = stored.part(TAG);
        let record = Record::unpack(stored.part(PACKED)).ok_or_else(|| {
            Error::new(
                Kind::Internal,
                "a temporary file has been changed while it was in use",
            )
        })?;
        Ok(Self {
            side: if tag.first() == Some(&0) {
                Side::Old
            } else {
                Side::New
            },
            is_eligible: tag.last() == Some(&0),
            record,
        })
    }
}
