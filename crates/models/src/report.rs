//! The two report tables of a crawl. No API sends them; the crawl writes them itself.

use crate::{
    Column, Kind, Layout, Origin, Table,
    layout::{Answer, Field, Rows, Target},
};

const fn column(name: &'static str, kind: Kind, doc: &'static str) -> Column {
    Column {
        name,
        kind,
        origin: Origin::Field,
        doc,
    }
}

const SOURCE: Column = Column {
    name: "_source",
    kind: Kind::Text,
    origin: Origin::Source,
    doc: "The source's name.",
};
const CRAWL_ID: Column = Column {
    name: "_crawl_id",
    kind: Kind::Text,
    origin: Origin::CrawlId,
    doc: "The crawl that read this.",
};
const OBSERVED_AT: Column = Column {
    name: "_observed_at",
    kind: Kind::Instant,
    origin: Origin::ObservedAt,
    doc: "When the answer behind this row arrived.",
};
const EXTRA: Column = Column {
    name: "_extra",
    kind: Kind::Json,
    origin: Origin::Extra,
    doc: "What had no column, as a JSON object.",
};

/// One row per scope, which says whether everything in it was read.
pub static COVERAGE: Table = Table {
    name: "coverage",
    summary: "One scope of the crawl: what was asked of which account, organizational unit or organization, and how it ended.",
    key: &[
        "_source",
        "endpoint",
        "account_id",
        "ou_id",
        "organization_id",
    ],
    endpoint: None,
    columns: &[
        column("endpoint", Kind::Text, "The endpoint that was asked."),
        column(
            "account_id",
            Kind::Int,
            "The account that was asked, if the scope is one.",
        ),
        column(
            "ou_id",
            Kind::Int,
            "The organizational unit that was asked, if the scope is one.",
        ),
        column(
            "outcome",
            Kind::Text,
            "`complete`: every page is in. `failed`: no row of this scope is in.",
        ),
        column("pages", Kind::Int, "The pages that were read."),
        column(
            "rows",
            Kind::Int,
            "The rows that this scope gave to its table, duplicates apart.",
        ),
        column("error", Kind::Text, "Why the scope failed."),
        column(
            "organization_id",
            Kind::Int,
            "The organization of a FortiPortal that was asked, if the scope is one.",
        ),
        SOURCE,
        CRAWL_ID,
        OBSERVED_AT,
        EXTRA,
    ],
};

/// One row per value that did not fit its column. The column is null in that row.
pub static ISSUES: Table = Table {
    name: "issues",
    summary: "One value that did not fit its column.",
    key: &["table", "key", "column"],
    endpoint: None,
    columns: &[
        column("table", Kind::Text, "The table whose row is meant."),
        column("key", Kind::Json, "The row's key, as a JSON object."),
        column("column", Kind::Text, "The column that is null in that row."),
        column("value", Kind::Text, "The value as it came."),
        column("reason", Kind::Text, "Why it did not fit."),
        SOURCE,
        CRAWL_ID,
        OBSERVED_AT,
        EXTRA,
    ],
};

/// The layout of [`COVERAGE`] rows in `{"rows": […]}`. With it, report rows pass through the same
/// decoder as all other rows.
pub static COVERAGE_LAYOUT: Layout = Layout {
    tables: &[&COVERAGE],
    answer: Answer::Object(&[Field {
        name: "rows",
        target: Target::Rows(&Rows {
            table: 0,
            fields: &[
                Field {
                    name: "endpoint",
                    target: Target::Column(0),
                },
                Field {
                    name: "account_id",
                    target: Target::Column(1),
                },
                Field {
                    name: "ou_id",
                    target: Target::Column(2),
                },
                Field {
                    name: "outcome",
                    target: Target::Column(3),
                },
                Field {
                    name: "pages",
                    target: Target::Column(4),
                },
                Field {
                    name: "rows",
                    target: Target::Column(5),
                },
                Field {
                    name: "error",
                    target: Target::Column(6),
                },
                Field {
                    name: "organization_id",
                    target: Target::Column(7),
                },
            ],
            scalar: None,
        }),
    }]),
    enclosing: 0,
};

/// The layout of [`ISSUES`] rows in `{"rows": […]}`.
pub static ISSUES_LAYOUT: Layout = Layout {
    tables: &[&ISSUES],
    answer: Answer::Object(&[Field {
        name: "rows",
        target: Target::Rows(&Rows {
            table: 0,
            fields: &[
                Field {
                    name: "table",
                    target: Target::Column(0),
                },
                Field {
                    name: "key",
                    target: Target::Column(1),
                },
                Field {
                    name: "column",
                    target: Target::Column(2),
                },
                Field {
                    name: "value",
                    target: Target::Column(3),
                },
                Field {
                    name: "reason",
                    target: Target::Column(4),
                },
            ],
            scalar: None,
        }),
    }]),
    enclosing: 0,
};
