//! Tests of the suite: correct sinks pass, and each defect is found by the cases that test its rule.

use std::fs;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::load::KEY;
use super::*;

mod probe;

/// A defect that a probe sink can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Defect {
    BlamesItself,
    ChangesIds,
    DoublesReplay,
    EndsAborted,
    ForgetsEmptyTables,
    ForgetsNulls,
    GoesOn,
    GrowsStore,
    Hoards,
    IgnoresOptions,
    IsImpatient,
    KeepsLock,
    LeavesRubbish,
    LosesAfterCrash,
    Miscounts,
    MixesTables,
    RefusesIncomplete,
    RemembersIds,
    RoundsIntegers,
    ShowsEarly,
    StopsAt100Columns,
    StopsAt10000Rows,
    StopsAt256Batches,
    SwallowsErrors,
    TearsFinish,
    TrimsText,
}

impl Defect {
    /// Changes rows as the defect does; most defects change none.
    fn spoil(self, rows: &mut Vec<Value>) {
        if self == Self::StopsAt10000Rows {
            rows.truncate(10_000);
        }
        for row in rows.iter_mut().filter_map(Value::as_object_mut) {
            if self == Self::StopsAt100Columns {
                let surplus: Vec<_> = row.keys().skip(100).cloned().collect();
                for column in surplus.iter().filter(|column| *column != KEY) {
                    row.remove(column);
                }
            }
            for value in row.values_mut() {
                match value {
                    Value::Null if self == Self::ForgetsNulls => *value = json!(""),
                    Value::Number(number) if self == Self::RoundsIntegers => {
                        let is_large = number
                            .as_i64()
                            .is_none_or(|whole| whole.unsigned_abs() > 1 << 53);
                        if is_large {
                            *value = json!(number.as_f64());
                        }
                    }
                    Value::String(text) if self == Self::TrimsText => {
                        *text = text.trim().to_owned();
                    }
                    _ => {}
                }
            }
        }
    }
}

/// The folder that both probe sinks deliver to.
struct Folder {
    path: tempfile::TempDir,
    defect: Option<Defect>,
    memory: Option<u64>,
}

impl Folder {
    fn new(defect: Option<Defect>) -> Self {
        Self {
            path: tempfile::tempdir().unwrap(),
            defect,
            memory: None,
        }
    }
}

impl Destination for Folder {
    fn options(&self) -> Options {
        let path = ("path", json!(self.path.path()));
        let defect = self.defect.map(|defect| ("defect", json!(defect)));
        [path].into_iter().chain(defect).collect()
    }

    fn read(&self, context: &Context) -> View {
        let path = self.path.path().join(format!("{}.json", context.crawl.id));
        let (lines, whole) = probe::read(&path);
        let parts = lines.into_iter().map(|line| Part {
            id: Some(line.id).filter(|id| !id.is_empty()),
            table: line.table,
            rows: line.rows,
        });
        View {
            whole,
            parts: parts.collect(),
        }
    }

    fn fail(&self, fault: Fault) -> bool {
        fs::write(self.path.path().join("fault"), format!("{fault:?}")).is_ok()
    }

    fn heal(&self) {
        fs::remove_file(self.path.path().join("fault")).unwrap();
    }

    fn leftovers(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path.path()).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        let parts = paths.filter(|path| path.extension().is_some_and(|end| end == "part"));
        parts.map(|path| path.display().to_string()).collect()
    }

    fn memory(&self) -> Option<u64> {
        self.memory
    }
}

/// Asserts that each defect is found by exactly the cases listed next to it.
async fn check_defects(sink: &str, wanted: &[(Defect, &str)]) {
    let mut wrong = Vec::new();
    for (defect, cases) in wanted {
        let report = run(sink, || Folder::new(Some(*defect))).await;
        let found: Vec<_> = report.failed().map(|case| case.name).collect();
        if found.join(" ") != *cases {
            wrong.push(format!("{defect:?} is found by {found:?}\n{report}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn what_is_right_passes() {
    for sink in ["conformance-probe", "conformance-probe-stream"] {
        let report = run(sink, || Folder::new(None)).await;
        assert!(report.passed(), "{report}");
        let left_out: Vec<_> = report.left_out().map(|case| case.name).collect();
        assert_eq!(left_out, ["memory"], "{report}");
    }
}

#[tokio::test]
async fn what_is_kept_in_memory_is_measured() {
    for (defect, wanted) in [(None, 0), (Some(Defect::Hoards), 1)] {
        let measured = || Folder {
            memory: Some(32 << 20),
            ..Folder::new(defect)
        };
        let report = run("conformance-probe", measured).await;
        let failed = report.failed().filter(|case| case.name == "memory");
        assert_eq!(failed.count(), wanted, "{report}");
    }
}

#[tokio::test]
async fn each_defect_of_an_atomic_sink_is_found_by_its_case() {
    let early = "nothing_early abort drop crash_in_write crash_in_finish cancelled_write down full";
    let defects = [
        (Defect::IgnoresOptions, "description"),
        (Defect::RoundsIntegers, "every_type"),
        (Defect::ForgetsNulls, "every_type nulls wide"),
        (Defect::ForgetsEmptyTables, "no_rows"),
        (Defect::TrimsText, "hostile_text"),
        (Defect::MixesTables, "many_tables"),
        (Defect::RefusesIncomplete, "incomplete_crawl"),
        (Defect::StopsAt100Columns, "wide"),
        (Defect::StopsAt10000Rows, "long"),
        (Defect::StopsAt256Batches, "many_batches"),
        (Defect::Miscounts, "receipt"),
        (Defect::ShowsEarly, early),
        (Defect::LeavesRubbish, "abort"),
        (
            Defect::LosesAfterCrash,
            "drop crash_in_write crash_in_finish down full",
        ),
        (
            Defect::KeepsLock,
            "drop crash_in_open crash_in_write crash_in_finish down full",
        ),
        (Defect::TearsFinish, "crash_in_finish"),
        (Defect::GoesOn, "cancelled_write down full"),
        (Defect::DoublesReplay, "replay replay_without_store"),
        (Defect::GrowsStore, "next_crawl"),
        (Defect::SwallowsErrors, "down full"),
        (Defect::BlamesItself, "full"),
        (Defect::IsImpatient, "slow"),
    ];
    check_defects("conformance-probe", &defects).await;
}

#[tokio::test]
async fn each_defect_of_a_stream_is_found_by_its_case() {
    let after_anything = "abort drop crash_in_write crash_in_finish replay replay_without_store \
                          determinism down full";
    let defects = [
        (Defect::EndsAborted, "abort"),
        (Defect::ChangesIds, after_anything),
        (
            Defect::RemembersIds,
            "replay_without_store determinism next_crawl",
        ),
    ];
    check_defects("conformance-probe-stream", &defects).await;
}

#[tokio::test]
async fn the_report_says_what_was_done_expected_and_seen() {
    let report = run("conformance-probe", || {
        Folder::new(Some(Defect::RoundsIntegers))
    })
    .await;
    let text = report.to_string();
    for wanted in [
        "sink `conformance-probe`: 1 of 26 cases failed",
        "  passed    nulls",
        "  left out  memory: the destination does not say how far the process may grow",
        "  FAILED    every_type",
        "case `every_type`",
        "  done:      opened for crawl `conformance-1`, wrote all 1 batches, finished",
        "  expected:  a reader sees every table with all its rows",
        "  seen:      `things.whole` of row 0 is -9.223372036854776e+18 and not -9223372036854775808; ",
        "  the rule:  a value reaches the destination as it is, in every type that tables have",
    ] {
        assert!(text.contains(wanted), "no `{wanted}` in:\n{text}");
    }
}

#[tokio::test]
#[should_panic(expected = "case `registered`")]
async fn a_sink_that_is_not_linked_fails_the_check() {
    check("not-linked", || Folder::new(None)).await;
}
