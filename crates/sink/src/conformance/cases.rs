//! The list of cases, each with the rule that it tests.

use super::bench::{Bench, Making, Running, Stop};
use super::report::{Case, CaseResult, Report};
use crate::{Delivery, registry};

mod changes;
mod content;
mod crashes;
mod endings;
mod failures;
mod readers;
mod repetition;
mod size;
mod targets;

/// A case: its name, its rule, and its test.
type Entry = (
    &'static str,
    &'static str,
    for<'a, 'b> fn(&'b Bench<'a>) -> Running<'b>,
);

const CASES: [Entry; 36] = [
    (
        "description",
        "the descriptor has all texts for help and messages, and `open` refuses an unknown option",
        |bench| Box::pin(content::description(bench)),
    ),
    (
        "every_type",
        "values of every column type arrive unchanged",
        |bench| Box::pin(content::every_type(bench)),
    ),
    (
        "nulls",
        "a null stays a null: it does not become empty text or 0, and its row is not dropped",
        |bench| Box::pin(content::nulls(bench)),
    ),
    (
        "no_rows",
        "every table of the context is published, even without rows, and so is a crawl without rows",
        |bench| Box::pin(content::no_rows(bench)),
    ),
    (
        "hostile_text",
        "text arrives unchanged, whatever it contains",
        |bench| Box::pin(content::hostile_text(bench)),
    ),
    (
        "many_tables",
        "batches of different tables may interleave",
        |bench| Box::pin(content::many_tables(bench)),
    ),
    (
        "incomplete_crawl",
        "the rows of an incomplete crawl are delivered like any others",
        |bench| Box::pin(content::incomplete_crawl(bench)),
    ),
    ("wide", "a table may have any number of columns", |bench| {
        Box::pin(size::wide(bench))
    }),
    ("long", "a batch may have any number of rows", |bench| {
        Box::pin(size::long(bench))
    }),
    (
        "many_batches",
        "a table may have any number of batches",
        |bench| Box::pin(size::many_batches(bench)),
    ),
    (
        "memory",
        "a sink uses a bounded amount of memory",
        |bench| Box::pin(size::memory(bench)),
    ),
    (
        "receipt",
        "the receipt has the location and the number of rows",
        |bench| Box::pin(endings::receipt(bench)),
    ),
    (
        "nothing_early",
        "an atomic sink shows nothing before `finish`, and no sink reports the snapshot as whole before that",
        |bench| Box::pin(endings::nothing_early(bench)),
    ),
    (
        "abort",
        "`abort` removes everything that readers cannot see, and leaves nothing behind",
        |bench| Box::pin(endings::abort(bench)),
    ),
    (
        "drop",
        "leftovers of a dropped sink are not visible, and do not hinder the next sink",
        |bench| Box::pin(endings::dropped(bench)),
    ),
    (
        "crash_in_open",
        "after a dropped `open`, the next sink can deliver everything",
        |bench| Box::pin(crashes::in_open(bench)),
    ),
    (
        "crash_in_write",
        "after a dropped `write`, the next sink can deliver everything",
        |bench| Box::pin(crashes::in_write(bench)),
    ),
    (
        "crash_in_finish",
        "wherever `finish` is dropped, readers see all or nothing, and the next sink can deliver everything",
        |bench| Box::pin(crashes::in_finish(bench)),
    ),
    (
        "replay",
        "readers see a crawl once even if it is delivered again, and its ids are the same",
        |bench| Box::pin(repetition::replay(bench)),
    ),
    (
        "replay_without_store",
        "ids depend only on the crawl, the scope, the table and the piece, so they are the same with an empty store",
        |bench| Box::pin(repetition::replay_without_store(bench)),
    ),
    (
        "determinism",
        "the same batches produce the same output",
        |bench| Box::pin(repetition::determinism(bench)),
    ),
    (
        "next_crawl",
        "readers see the next crawl next to or instead of the previous one, and the store does not grow with every crawl",
        |bench| Box::pin(repetition::next_crawl(bench)),
    ),
    (
        "late_scope",
        "a crawl that was paused is delivered again with more scopes, and readers see each of them",
        |bench| Box::pin(changes::late_scope(bench)),
    ),
    (
        "new_column",
        "a table may have more columns in a later crawl",
        |bench| Box::pin(changes::new_column(bench)),
    ),
    (
        "same_keys",
        "rows that are delivered with new values replace the old ones",
        |bench| Box::pin(changes::same_keys(bench)),
    ),
    (
        "gone_rows",
        "rows that a complete scope no longer has are deleted, and rows of a failed scope stay if the destination keeps rows",
        |bench| Box::pin(changes::gone_rows(bench)),
    ),
    (
        "older_crawl",
        "an older crawl that is delivered after a newer one does not replace it",
        |bench| Box::pin(changes::older_crawl(bench)),
    ),
    (
        "refused",
        "an atomic sink that must not publish a crawl with failed scopes changes nothing",
        |bench| Box::pin(changes::refused(bench)),
    ),
    (
        "crash_in_replay",
        "a published crawl stays visible wherever its replay is dropped",
        |bench| Box::pin(crashes::in_replay(bench)),
    ),
    (
        "crash_in_next",
        "wherever the next crawl is dropped, readers see all of it or all of the previous one",
        |bench| Box::pin(crashes::in_next(bench)),
    ),
    (
        "seamless",
        "while crawls are published, readers see one whole crawl at every moment",
        |bench| Box::pin(readers::seamless(bench)),
    ),
    (
        "probe",
        "a probe checks that the target can be written, and leaves nothing behind",
        |bench| Box::pin(targets::probe(bench)),
    ),
    (
        "recover",
        "`recover` removes or completes what dead processes left, and publishes nothing that was not committed",
        |bench| Box::pin(targets::recover(bench)),
    ),
    (
        "down",
        "if the destination does not respond, the error is transient, and a later delivery succeeds",
        |bench| Box::pin(failures::down(bench)),
    ),
    (
        "full",
        "if the destination is full, the error has the kind `Full`, and a later delivery succeeds",
        |bench| Box::pin(failures::full(bench)),
    ),
    ("slow", "a sink waits for a slow destination", |bench| {
        Box::pin(failures::slow(bench))
    }),
];

/// Runs the selected cases one after another.
pub(super) async fn run<'a>(
    sink: &'a str,
    select: &dyn Fn(&str) -> bool,
    fresh: &'a dyn Fn() -> Making<'a>,
) -> Report {
    let mut report = Report {
        sink: sink.to_owned(),
        cases: Vec::new(),
    };
    let options = fresh().await.options();
    let delivery = registry::find(sink).and_then(|found| (found.delivery)(&options));
    let delivery = match delivery {
        Ok(delivery) => delivery,
        Err(error) => {
            report.cases.push(unregistered(&error));
            return report;
        }
    };
    let bench = Bench {
        sink,
        delivery,
        fresh,
    };
    for (name, rule, case) in CASES {
        if !select(name) {
            continue;
        }
        let result = match case(&bench).await {
            Ok(()) => CaseResult::Passed,
            Err(stop) => stop,
        };
        report.cases.push(Case { name, rule, result });
    }
    if report.cases.is_empty() {
        report.cases.push(none_selected());
    }
    report
}

/// The failed case for a selection that accepts no name, so that a misspelled name does not pass.
fn none_selected() -> Case {
    Case {
        name: "selected",
        rule: "a test runs at least one case",
        result: CaseResult::Failed {
            done: "compared the selection with the names of all cases".to_owned(),
            expected: format!("one of {}", CASES.map(|(name, ..)| name).join(", ")),
            seen: "the selection accepts none of them".to_owned(),
        },
    }
}

/// The failed case for a sink that has no descriptor. No other case can run.
fn unregistered(error: &crate::Error) -> Case {
    Case {
        name: "registered",
        rule: "a sink submits a descriptor to the registry, and its crate is linked because some crate names it",
        result: CaseResult::Failed {
            done: "looked up the sink, which needs `use the_sink_crate as _;` in the test"
                .to_owned(),
            expected: "the registry contains the sink".to_owned(),
            seen: error.to_string(),
        },
    }
}

/// Skips a case that does not apply.
fn left_out(why: &str) -> Stop {
    CaseResult::LeftOut {
        why: why.to_owned(),
    }
}

/// Whether rows become visible only in `finish`.
fn is_atomic(bench: &Bench<'_>) -> bool {
    bench.delivery != Delivery::AtLeastOnce
}
