//! What the generator could not carry over; it ends in the committed report.

use std::{cell::RefCell, collections::BTreeSet};

use super::at::At;

/// Collects one line per place, in the order of places.
#[derive(Debug, Default)]
pub(super) struct Notes(RefCell<BTreeSet<(String, String)>>);

impl Notes {
    /// Notes something about a place in a description.
    pub(super) fn add(&self, at: &At<'_>, text: impl Into<String>) {
        self.add_at(at.pointer(), text);
    }

    /// Notes something about a place that is no value of a description.
    pub(super) fn add_at(&self, place: &str, text: impl Into<String>) {
        self.0.borrow_mut().insert((place.to_owned(), text.into()));
    }

    /// All notes, sorted.
    pub(super) fn into_lines(self) -> BTreeSet<(String, String)> {
        self.0.into_inner()
    }
}
