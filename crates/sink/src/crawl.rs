//! The crawl that is delivered, and how its snapshot is named.

use std::collections::{BTreeMap, BTreeSet};

use arrow_array::temporal_conversions::timestamp_s_to_datetime;
use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// The crawl that is delivered to the sinks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crawl {
    /// The crawl's id, unique in one state.
    pub id: String,
    /// The crawl's id and a digest of everything else that its rows depend on: tables, decoder, and how rows are split
    /// into pieces.
    ///
    /// A replay with a build that decodes differently has another edition. Its batches get new ids, so a receiver does
    /// not drop them as duplicates.
    pub edition: String,
    /// The start as `YYYYMMDDTHHMMSSZ`. It is the snapshot's name, unless the target needs a later one.
    pub name: String,
    /// Whether the crawl is still reading. [`choose_name`] depends on it.
    pub phase: Phase,
    /// The sources, accounts and product models that the crawl is limited to.
    pub selection: Selection,
    /// When the crawl started, in RFC 3339.
    pub started_at: String,
    /// The program and its version, such as `fortilake 0.1.0`.
    pub generator: String,
}

/// Whether a crawl is still reading when its sink is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It still makes API calls, so it is newer than everything that the target has, whatever the clocks say.
    Reading,
    /// Its outcome is frozen: it is a replay, or it could not be published when it ended.
    Ended,
}

/// The sources, accounts and product models that a crawl was limited to. `None` means all that there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// The names of the sources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sources: Option<BTreeSet<String>>,
    /// The ids of the accounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accounts: Option<BTreeSet<i64>>,
    /// The product models that are published, by source. A source that is not in the map is published whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub models: Option<BTreeMap<String, BTreeSet<String>>>,
}

impl Selection {
    /// Whether the crawl was not limited.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a crawl of this selection reads everything that a crawl of `other` reads, so that it may replace it.
    pub fn covers(&self, other: &Self) -> bool {
        covers(self.sources.as_ref(), other.sources.as_ref())
            && covers(self.accounts.as_ref(), other.accounts.as_ref())
            && self.covers_models_of(other)
    }

    fn covers_models_of(&self, other: &Self) -> bool {
        let ours = self.models.iter().flatten();
        ours.into_iter().all(|(source, models)| {
            let unread = |sources: &BTreeSet<String>| !sources.contains(source);
            if other.sources.as_ref().is_some_and(unread) {
                return true;
            }
            let theirs = other.models.as_ref().and_then(|models| models.get(source));
            theirs.is_some_and(|theirs| {
                let mut theirs = theirs.iter();
                theirs.all(|their| models.iter().any(|our| matches_model(our, their)))
            })
        })
    }
}

/// Whether a product model matches a pattern: upper and lower case are treated alike, and a `*` at the end of the
/// pattern matches any ending.
///
/// The model may be a pattern itself. Then the answer is whether the first pattern matches everything that it
/// matches.
pub fn matches_model(pattern: &str, model: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => model
            .get(..beginning.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(beginning)),
        None => model.eq_ignore_ascii_case(pattern),
    }
}

fn covers<T: Ord>(ours: Option<&BTreeSet<T>>, theirs: Option<&BTreeSet<T>>) -> bool {
    match (ours, theirs) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(ours), Some(theirs)) => ours.is_superset(theirs),
    }
}

/// Chooses the name of a crawl's snapshot in a target that already has the names `there`, claimed or published.
///
/// `mine` is the name that this crawl claimed there before, if any; the crawl keeps it.
///
/// Names order the snapshots of a target, and the pointer only moves to greater names. If every crawl were named after
/// its clock, one run with a clock that is years ahead would stop the pointer for years. So a crawl that is still
/// reading takes a name above all names in `there`; it is the newest, because its data is. A replay takes the time of
/// its own start and stays behind newer snapshots. The price is that a name may be later than the crawl's start.
pub fn choose_name(crawl: &Crawl, mine: Option<&str>, there: &BTreeSet<String>) -> String {
    if let Some(mine) = mine {
        return mine.to_owned();
    }
    let mut name = crawl.name.clone();
    let newest = there.last().filter(|newest| **newest >= name);
    if let (Phase::Reading, Some(newest)) = (crawl.phase, newest) {
        name = next_name(newest);
    }
    while there.contains(&name) {
        name = next_name(&name);
    }
    name
}

/// The name one second later. A name that is not a time gets a `0` appended, which sorts directly after it.
fn next_name(name: &str) -> String {
    later(name).unwrap_or_else(|| format!("{name}0"))
}

fn later(name: &str) -> Option<String> {
    let number = |range: std::ops::Range<usize>| name.get(range)?.parse::<i64>().ok();
    let is_time = name.len() == 16 && name.get(8..9) == Some("T") && name.ends_with('Z');
    if !is_time {
        return None;
    }
    let days = days_before(number(0..4)?, number(4..6)?, number(6..8)?);
    let seconds = number(9..11)? * 3600 + number(11..13)? * 60 + number(13..15)?;
    let time = timestamp_s_to_datetime(days * 86_400 + seconds + 1)?;
    Some(time.format("%Y%m%dT%H%M%SZ").to_string())
}

/// Days from 1970-01-01 to a day of the Gregorian calendar.
///
/// It counts in years that begin in March, so that the leap day is the last day of a year and months before it do not
/// depend on it. This avoids a dependency on a date library for one addition.
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * year + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468
}
