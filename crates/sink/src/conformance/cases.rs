//! The list of cases, each with the rule that it tests.

use super::Destination;
use super::bench::{Bench, Running, Stop};
use super::report::{Case, Report, Verdict};
use crate::{Delivery, registry};

mod content;
mod crashes;
mod endings;
mod failures;
mod repetition;
mod size;

/// A case: its name, its rule, and its test.
type Entry = (
    &'static str,
    &'static str,
    for<'a, 'b> fn(&'b Bench<'a>) -> Running<'b>,
);

const CASES: [Entry; 26] = [
    (
        "description",
        "a descriptor says what help and messages are made of, and a wrong option is refused at open",
        |bench| Box::pin(content::description(bench)),
    ),
    (
        "every_type",
        "a value reaches the destination as it is, in every type that tables have",
        |bench| Box::pin(content::every_type(bench)),
    ),
    (
        "nulls",
        "a null stays a null: neither empty text, nor 0, nor a missing row",
        |bench| Box::pin(content::nulls(bench)),
    ),
    (
        "no_rows",
        "every table of the context is delivered, also those without rows, and so is a crawl without rows",
        |bench| Box::pin(content::no_rows(bench)),
    ),
    ("hostile_text", "text is data, whatever is in it", |bench| {
        Box::pin(content::hostile_text(bench))
    }),
    (
        "many_tables",
        "batches of different tables come in any order",
        |bench| Box::pin(content::many_tables(bench)),
    ),
    (
        "incomplete_crawl",
        "what an incomplete crawl has is delivered like any other",
        |bench| Box::pin(content::incomplete_crawl(bench)),
    ),
    ("wide", "a table may have any number of columns", |bench| {
        Box::pin(size::wide(bench))
    }),
    (
        "long",
        "a batch may have any number of rows, none included",
        |bench| Box::pin(size::long(bench)),
    ),
    (
        "many_batches",
        "a table may have any number of batches",
        |bench| Box::pin(size::many_batches(bench)),
    ),
    (
        "memory",
        "a sink does not keep in memory what it has taken",
        |bench| Box::pin(size::memory(bench)),
    ),
    (
        "receipt",
        "the receipt says where the rows are and how many there are",
        |bench| Box::pin(endings::receipt(bench)),
    ),
    (
        "nothing_early",
        "an atomic sink shows nothing before it has finished, and no sink says before that the snapshot is whole",
        |bench| Box::pin(endings::nothing_early(bench)),
    ),
    (
        "abort",
        "abort takes back all that an atomic sink was given, and leaves nothing behind",
        |bench| Box::pin(endings::abort(bench)),
    ),
    (
        "drop",
        "what a dropped sink leaves behind is not visible, and the next one is not in its way",
        |bench| Box::pin(endings::dropped(bench)),
    ),
    (
        "crash_in_open",
        "an open that was dropped half-way does not keep the next one from delivering everything",
        |bench| Box::pin(crashes::in_open(bench)),
    ),
    (
        "crash_in_write",
        "a write that was dropped half-way does not keep the next sink from delivering everything",
        |bench| Box::pin(crashes::in_write(bench)),
    ),
    (
        "crash_in_finish",
        "whenever finishing is cut off, a reader sees all or nothing, and the next sink delivers everything",
        |bench| Box::pin(crashes::in_finish(bench)),
    ),
    (
        "cancelled_write",
        "a sink whose write was dropped half-way is spent: finish fails",
        |bench| Box::pin(crashes::cancelled_write(bench)),
    ),
    (
        "replay",
        "the same crawl delivered again is seen once, and its ids are the same",
        |bench| Box::pin(repetition::replay(bench)),
    ),
    (
        "replay_without_store",
        "ids depend on the crawl, the table and the batch alone, so they are the same without what was remembered",
        |bench| Box::pin(repetition::replay_without_store(bench)),
    ),
    (
        "determinism",
        "the same batches make the same output",
        |bench| Box::pin(repetition::determinism(bench)),
    ),
    (
        "next_crawl",
        "the next crawl is seen beside or in place of the one before, and the store does not grow with every crawl",
        |bench| Box::pin(repetition::next_crawl(bench)),
    ),
    (
        "down",
        "a destination that does not answer is a transient error, and a later delivery is whole",
        |bench| Box::pin(failures::down(bench)),
    ),
    (
        "full",
        "a destination without room is an error of kind `Full`, and a later delivery is whole",
        |bench| Box::pin(failures::full(bench)),
    ),
    ("slow", "a slow destination is waited for", |bench| {
        Box::pin(failures::slow(bench))
    }),
];

/// Runs all cases one after the other.
pub(super) async fn run<'a>(
    sink: &'a str,
    fresh: &'a dyn Fn() -> Box<dyn Destination + 'a>,
) -> Report {
    let mut report = Report {
        sink: sink.to_owned(),
        cases: Vec::new(),
    };
    let delivery = match registry::find(sink) {
        Ok(descriptor) => descriptor.delivery,
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
        let verdict = match case(&bench).await {
            Ok(()) => Verdict::Passed,
            Err(stop) => stop,
        };
        report.cases.push(Case {
            name,
            rule,
            verdict,
        });
    }
    report
}

/// The failed case for a sink that has no descriptor. No other case can run.
fn unregistered(error: &crate::Error) -> Case {
    Case {
        name: "registered",
        rule: "a sink submits a descriptor to the registry, and some crate names the sink's crate so that it is linked",
        verdict: Verdict::Failed {
            done: "looked the sink up, as `use the_sink_crate as _;` in the test makes possible"
                .to_owned(),
            expected: "the registry has it".to_owned(),
            seen: error.to_string(),
        },
    }
}

/// Skips a case that does not apply.
fn left_out(why: &str) -> Stop {
    Verdict::LeftOut {
        why: why.to_owned(),
    }
}

/// Whether rows become visible only in `finish`.
fn is_atomic(bench: &Bench<'_>) -> bool {
    bench.delivery == Delivery::Atomic
}
