//! Tests of the suite: correct sinks pass, and each defect is found by the cases that test its rule.

use std::fs;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::load::KEY;
use super::*;

mod database;
mod probe;

/// A defect that a probe sink can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Defect {
    BlamesItself,
    BuffersTables,
    CallsItselfNewest,
    ChangesIds,
    DoublesReplay,
    EndsAborted,
    FixesColumns,
    ForgetsCrawl,
    ForgetsEmptyTables,
    ForgetsNulls,
    GrowsStore,
    IgnoresOptions,
    IsImpatient,
    KeepsLock,
    LeavesRubbish,
    LosesAfterCrash,
    Miscounts,
    MixesTables,
    ProbeLeaves,
    RecoverForgets,
    RecoverPublishes,
    RefusesIncomplete,
    RemembersIds,
    RemovesFirst,
    ReplacesNul,
    RoundsIntegers,
    ShowsEarly,
    ShowsRefused,
    StopsAt100Columns,
    StopsAt10000Rows,
    StopsAt256Batches,
    Straggles,
    SwallowsErrors,
    TearsFinish,
    TearsReplay,
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
                    Value::String(text) if self == Self::ReplacesNul => {
                        *text = text.replace('\0', "\u{fffd}");
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
}

impl Folder {
    fn new(defect: Option<Defect>) -> Self {
        Self {
            path: tempfile::tempdir().unwrap(),
            defect,
        }
    }
}

#[async_trait(?Send)]
impl Destination for Folder {
    fn options(&self) -> Options {
        let path = ("path", json!(self.path.path()));
        let defect = self.defect.map(|defect| ("defect", json!(defect)));
        [path].into_iter().chain(defect).collect()
    }

    async fn read(&self, context: &Context) -> View {
        let path = self.path.path().join(format!("{}.json", context.crawl.id));
        let (lines, summary) = probe::read(&path);
        let parts = lines.into_iter().map(|line| Part {
            id: Some(line.id).filter(|id| !id.is_empty()),
            table: line.table,
            rows: line.rows,
        });
        View {
            whole: summary.is_some(),
            parts: parts.collect(),
            summary,
        }
    }

    fn stores(&self, text: &str) -> String {
        match self.defect {
            // It is no defect of a sink whose destination says so.
            Some(Defect::ReplacesNul) => text.replace('\0', "\u{fffd}"),
            _ => text.to_owned(),
        }
    }

    async fn fail(&self, fault: Fault) -> bool {
        fs::write(self.path.path().join("fault"), format!("{fault:?}")).is_ok()
    }

    async fn heal(&self) {
        fs::remove_file(self.path.path().join("fault")).unwrap();
    }

    async fn leftovers(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path.path()).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        let parts = paths.filter(|path| path.extension().is_some_and(|end| end == "part"));
        parts.map(|path| path.display().to_string()).collect()
    }
}

/// Asserts that each defect is found by exactly the cases listed next to it.
async fn check_defects(sink: &str, wanted: &[(Defect, &str)]) {
    let mut wrong = Vec::new();
    for (defect, cases) in wanted {
        let report = run(sink, async || Folder::new(Some(*defect))).await;
        let found = report.failed().map(|case| case.name);
        // `seamless` finds a short inconsistency only by chance, so ignore it unless it is listed.
        let by_chance = |case: &&str| *case == "seamless" && !cases.contains(case);
        let found: Vec<_> = found.filter(|case| !by_chance(case)).collect();
        if found.join(" ") != *cases {
            wrong.push(format!("{defect:?} is found by {found:?}\n{report}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn what_is_right_passes() {
    for sink in ["conformance-probe", "conformance-probe-stream"] {
        let report = run(sink, async || Folder::new(None)).await;
        assert!(report.passed(), "{report}");
        let left_out: Vec<_> = report.left_out().map(|case| case.name).collect();
        let wanted: &[&str] = match sink {
            "conformance-probe" => &["memory"],
            _ => &["memory", "refused", "seamless"],
        };
        assert_eq!(left_out, wanted, "{report}");
    }
}

#[tokio::test]
async fn a_destination_may_say_that_it_replaces_characters() {
    let fresh = async || Folder::new(Some(Defect::ReplacesNul));
    check("conformance-probe", fresh).await;
}

#[tokio::test]
async fn each_defect_of_content_is_found_by_its_case() {
    let defects = [
        (Defect::IgnoresOptions, "description"),
        (Defect::RoundsIntegers, "every_type"),
        (Defect::ForgetsNulls, "every_type nulls wide new_column"),
        (Defect::ForgetsEmptyTables, "no_rows gone_rows"),
        (Defect::TrimsText, "hostile_text"),
        (Defect::MixesTables, "many_tables"),
        (
            Defect::RefusesIncomplete,
            "incomplete_crawl gone_rows refused",
        ),
        (Defect::StopsAt100Columns, "wide"),
        (Defect::StopsAt10000Rows, "long"),
        (Defect::StopsAt256Batches, "many_batches"),
    ];
    check_defects("conformance-probe", &defects).await;
}

#[tokio::test]
async fn each_defect_of_publishing_is_found_by_its_case() {
    let early = "nothing_early abort drop crash_in_write crash_in_finish late_scope \
                 crash_in_replay crash_in_next recover down full";
    let defects = [
        (Defect::Miscounts, "receipt"),
        (Defect::ShowsEarly, early),
        (Defect::LeavesRubbish, "abort"),
        (
            Defect::LosesAfterCrash,
            "drop crash_in_write crash_in_finish late_scope crash_in_replay crash_in_next",
        ),
        (
            Defect::KeepsLock,
            "drop crash_in_open crash_in_write crash_in_finish late_scope refused crash_in_replay crash_in_next recover",
        ),
        (
            Defect::TearsFinish,
            "crash_in_finish crash_in_replay crash_in_next recover",
        ),
        (
            Defect::DoublesReplay,
            "replay replay_without_store late_scope crash_in_replay seamless",
        ),
        (Defect::GrowsStore, "next_crawl"),
        (Defect::FixesColumns, "new_column"),
        (Defect::CallsItselfNewest, "older_crawl"),
        (Defect::ShowsRefused, "refused"),
        (Defect::TearsReplay, "crash_in_replay"),
        (Defect::RemovesFirst, "seamless"),
        (Defect::Straggles, "crash_in_write"),
        (Defect::ProbeLeaves, "probe"),
        (Defect::RecoverForgets, "recover"),
        (Defect::RecoverPublishes, "recover"),
        (Defect::SwallowsErrors, "down full"),
        (Defect::BlamesItself, "full"),
        (Defect::IsImpatient, "slow"),
    ];
    check_defects("conformance-probe", &defects).await;
}

#[tokio::test]
async fn each_defect_of_a_stream_is_found_by_its_case() {
    let after_anything = "abort drop crash_in_write crash_in_finish replay replay_without_store \
                          determinism late_scope crash_in_replay crash_in_next recover down full";
    let defects = [
        (Defect::EndsAborted, "abort late_scope down full"),
        (
            Defect::BuffersTables,
            "abort next_crawl late_scope down full",
        ),
        (
            Defect::ForgetsCrawl,
            "next_crawl new_column same_keys gone_rows older_crawl crash_in_next down full",
        ),
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
    let report = run("conformance-probe", async || {
        Folder::new(Some(Defect::RoundsIntegers))
    })
    .await;
    let text = report.to_string();
    for wanted in [
        "sink `conformance-probe`: 1 of 36 cases failed",
        "  passed    nulls",
        "  skipped   memory: `Destination::memory` sets no limit",
        "  FAILED    every_type",
        "case `every_type`",
        "  steps:     opened for crawl `conformance-1`, wrote all batches (1), finished",
        "  expected:  readers see every table with all its rows",
        "  actual:    `things.whole` of row 0 is -9.223372036854776e+18, expected -9223372036854775808; ",
        "  rule:      values of every column type arrive unchanged",
    ] {
        assert!(text.contains(wanted), "no `{wanted}` in:\n{text}");
    }
}

#[tokio::test]
async fn only_selected_cases_run() {
    let folder = async || Folder::new(Some(Defect::RoundsIntegers));
    let nulls = run_cases("conformance-probe", |case| case == "nulls", folder).await;
    let names: Vec<_> = nulls.cases.iter().map(|case| case.name).collect();
    assert_eq!(names, ["nulls"]);
    assert!(nulls.passed(), "{nulls}");
    let misspelled = run_cases("conformance-probe", |case| case == "null", folder).await;
    assert!(!misspelled.passed(), "{misspelled}");
    let text = misspelled.to_string();
    assert!(
        text.contains("one of description, every_type, nulls"),
        "{text}"
    );
}

#[tokio::test]
#[should_panic(expected = "case `registered`")]
async fn a_sink_that_is_not_linked_fails_the_check() {
    check("not-linked", async || Folder::new(None)).await;
}
