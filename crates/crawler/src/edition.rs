//! The edition of a crawl: what its rows depend on other than the pages.

use std::{fmt::Write as _, sync::Arc};

use fortilake_models as models;
use fortilake_sink::TableSpec;
use fortilake_state::digest;

use crate::publish::{PIECE_BYTES, PIECE_ROWS, TOGETHER_BYTES};

/// Increment this when the decoder turns the same pages and layouts into different rows.
const DECODER: u32 = 1;

/// The edition of a crawl: its id and a digest of everything other than the pages that its rows
/// depend on.
///
/// Batch ids start with the edition. A build that decodes pages or cuts batches differently
/// therefore sends its batches under new ids, and receivers do not mistake them for batches they
/// already have.
pub fn edition(crawl_id: &str, tables: &[Arc<TableSpec>]) -> String {
    let cuts = format!("{TOGETHER_BYTES} {PIECE_ROWS} {PIECE_BYTES}");
    let mut text = format!("{DECODER} {cuts} {}", models_digest());
    for table in tables {
        let _ = write!(text, " {}", table.name);
    }
    let digest = digest(&text);
    let short = digest.get(..8).unwrap_or(&digest);
    format!("{crawl_id}-{short}")
}

/// A digest of everything in the endpoints and tables that calls and rows depend on.
///
/// Documentation is left out: a corrected sentence in an API description must not make an
/// unfinished crawl unresumable.
pub fn models_digest() -> String {
    let mut text = String::new();
    for table in models::tables() {
        let _ = write!(text, "{} {:?} ", table.name, table.key);
        for column in table.columns {
            let _ = write!(
                text,
                "{} {:?} {:?} ",
                column.name, column.kind, column.origin
            );
        }
    }
    for endpoint in models::generated::ENDPOINTS {
        let _ = write!(text, "{} {} ", endpoint.id, endpoint.path);
        let layout = endpoint
            .layout
            .map(|layout| (&layout.shape, layout.enclosing));
        let _ = write!(text, "{layout:?} ");
    }
    digest(&text)
}
