//! The report tables of a crawl. No API sends them; the crawl writes them itself.

use crate::{
    Column, Kind, Layout, Origin, Table,
    layout::{Field, ResponseShape, Rows, Target},
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
    doc: "When the response that contains this row arrived.",
};
const EXTRA: Column = Column {
    name: "_extra",
    kind: Kind::Json,
    origin: Origin::Extra,
    doc: "Response fields that have no column, as a JSON object.",
};

/// One row per scope, which says whether everything in it was read.
pub static COVERAGE: Table = Table {
    name: "coverage",
    summary: "One scope of the crawl: what was requested for which account, organizational unit or organization, and the result.",
    key: &[
        "_source",
        "endpoint",
        "account_id",
        "ou_id",
        "organization_id",
    ],
    endpoint: None,
    columns: &[
        column("endpoint", Kind::Text, "The endpoint that was called."),
        column(
            "account_id",
            Kind::Int,
            "The account of the scope, if it is about one.",
        ),
        column(
            "ou_id",
            Kind::Int,
            "The organizational unit of the scope, if it is about one.",
        ),
        column(
            "outcome",
            Kind::Text,
            "`complete`: all pages were read. `failed`: no row of this scope was stored. `carried`: the rows are those of an earlier crawl.",
        ),
        column("pages", Kind::Int, "How many pages were read."),
        column(
            "rows",
            Kind::Int,
            "How many rows this scope added to its table, not counting duplicates.",
        ),
        column(
            "error",
            Kind::Text,
            "Why the scope could not be read; null if it is complete.",
        ),
        column(
            "organization_id",
            Kind::Int,
            "The FortiPortal organization of the scope, if it is about one.",
        ),
        column(
            "note",
            Kind::Text,
            "How the scope was read, if that matters: how products were searched, or that only the user's own account was read.",
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
    key: &["table_name", "key", "column_name"],
    endpoint: None,
    columns: &[
        column("table_name", Kind::Text, "The table of the row."),
        column("key", Kind::Json, "The row's key, as a JSON object."),
        column(
            "column_name",
            Kind::Text,
            "The column that is null in that row.",
        ),
        column("value", Kind::Text, "The value as it was received."),
        column("reason", Kind::Text, "Why it did not fit."),
        SOURCE,
        CRAWL_ID,
        OBSERVED_AT,
        EXTRA,
    ],
};

/// One row per row that differs from an earlier snapshot. It is part of a crawl only if that is configured.
pub static CHANGES: Table = Table {
    name: "changes",
    summary: "One row that differs from the previous snapshot; only with `changes = true` in `[history]`.",
    key: &["_source", "number"],
    endpoint: None,
    columns: &[
        column(
            "number",
            Kind::Int,
            "The number of the change in this snapshot, counted from 0.",
        ),
        column("table_name", Kind::Text, "The table of the row."),
        column(
            "_change_type",
            Kind::Text,
            "`insert`, `delete`, `update_preimage`, `update_postimage`, `moved` or `renewed`.",
        ),
        column(
            "account_id",
            Kind::Int,
            "The account of the row, if it has one.",
        ),
        column(
            "serial_number",
            Kind::Text,
            "The serial number of the row, if it has one.",
        ),
        column(
            "record",
            Kind::Json,
            "The row, as a JSON object: the old row for `delete` and `update_preimage`, else the new one.",
        ),
        column(
            "changed_columns",
            Kind::Json,
            "The columns whose values changed, as a JSON list; empty for `insert` and `delete`.",
        ),
        column(
            "_previous",
            Kind::Json,
            "For `moved` and `renewed`, the old values of these columns, as a JSON object.",
        ),
        column(
            "since_snapshot",
            Kind::Text,
            "The snapshot that this one is compared with, in the place of the first Parquet sink.",
        ),
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
    shape: ResponseShape::Object(&[Field {
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
                Field {
                    name: "note",
                    target: Target::Column(8),
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
    shape: ResponseShape::Object(&[Field {
        name: "rows",
        target: Target::Rows(&Rows {
            table: 0,
            fields: &[
                Field {
                    name: "table_name",
                    target: Target::Column(0),
                },
                Field {
                    name: "key",
                    target: Target::Column(1),
                },
                Field {
                    name: "column_name",
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
