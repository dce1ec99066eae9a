//! Collects what the generator could not carry over. The notes end up in the committed report.

use std::{cell::RefCell, collections::BTreeSet};

use super::at::At;

/// Notes about places in descriptions, sorted by place.
#[derive(Debug, Default)]
pub(super) struct Notes(RefCell<BTreeSet<(String, String)>>);

impl Notes {
    /// Adds a note about a place in a description.
    pub(super) fn add(&self, at: &At<'_>, text: impl Into<String>) {
        self.add_at(at.pointer(), text);
    }

    /// Adds a note about something that is not a value in a description.
    pub(super) fn add_at(&self, place: &str, text: impl Into<String>) {
        self.0.borrow_mut().insert((place.to_owned(), text.into()));
    }

    /// Returns all notes, sorted.
    pub(super) fn into_lines(self) -> BTreeSet<(String, String)> {
        self.0.into_inner()
    }
}
