//! Sinks are sorted by unique names, and an unknown name gets a suggestion.

use schemars::{JsonSchema, schema_for};

use super::*;
use crate::Delivery;

#[derive(JsonSchema)]
struct None_;

const fn named(name: &'static str) -> Descriptor {
    Descriptor {
        name,
        summary: "",
        target: "path",
        delivery: |_| Ok(Delivery::Atomic),
        options: || schema_for!(None_),
        open: |_, _| Box::pin(async { Err(Error::new(Kind::Internal, "not for opening")) }),
        probe: |_| Box::pin(async { Ok(()) }),
        recover: None,
        redeliver: None,
    }
}

static PARQUET: Descriptor = named("parquet");
static CSV: Descriptor = named("csv");
static CSV_AGAIN: Descriptor = named("csv");

fn names(all: &[&'static Descriptor]) -> Vec<&'static str> {
    all.iter().map(|descriptor| descriptor.name).collect()
}

#[test]
fn sinks_are_sorted_by_name() {
    let all = sorted([&PARQUET, &CSV].into_iter()).unwrap();
    assert_eq!(names(&all), ["csv", "parquet"]);
}

#[test]
fn a_name_is_used_once() {
    let error = sorted([&CSV, &PARQUET, &CSV_AGAIN].into_iter()).unwrap_err();
    assert_eq!(error.to_string(), "two sinks are registered as `csv`");
    assert_eq!(error.kind(), Kind::Internal);
}

#[test]
fn an_unknown_name_is_answered_with_those_there_are() {
    let error = |name| pick(&[&CSV, &PARQUET], name).unwrap_err().to_string();
    assert_eq!(
        error("parqet"),
        "unknown sink `parqet`; the sinks are `csv`, `parquet`; did you mean `parquet`?"
    );
    assert_eq!(
        error("kafka"),
        "unknown sink `kafka`; the sinks are `csv`, `parquet`"
    );
    assert_eq!(
        pick(&[], "csv").unwrap_err().to_string(),
        "unknown sink `csv`; no sinks are linked into this program"
    );
}
