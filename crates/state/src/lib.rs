//! What a crawl keeps beside its tables: the [`Journal`] of pages.
//!
//! Every page is journaled before anything is derived from it, and the tables are a function of
//! the journal. [`MemoryJournal`] keeps pages for one process; a journal on disk, which makes a
//! crawl resumable, is the next implementation of the same trait.

mod journal;

pub use fortilake_client as client;

pub use crate::journal::{Journal, MemoryJournal, Record};
