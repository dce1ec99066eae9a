//! Two sinks with the same name in one program. This needs a separate test program, because every look-up fails.

use fortilake_sink::{Context, Delivery, Descriptor, Kind, Options, Result, Sink, Spec};
use fortilake_sink::{inventory, registry};
use schemars::{JsonSchema, schema_for};

/// The options of all sinks here.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only the schema is asked for")]
struct Config {
    /// The folder.
    path: String,
}

#[expect(clippy::unused_async, reason = "the descriptor needs a future")]
async fn open(_context: Context, _options: Options) -> Result<Box<dyn Sink>> {
    unreachable!("a program with two sinks of one name opens neither")
}

const fn named(name: &'static str) -> Descriptor {
    Descriptor {
        name,
        summary: "One of several.",
        target: "path",
        delivery: |_| Ok(Delivery::Atomic),
        options: || schema_for!(Config),
        open: |context, options| Box::pin(open(context, options)),
        probe: |_| Box::pin(async { Ok(()) }),
        recover: None,
        redeliver: None,
    }
}

inventory::submit! { named("twin") }
inventory::submit! { named("single") }
inventory::submit! { named("twin") }

#[test]
fn a_name_that_two_sinks_have_is_refused_whichever_is_asked_for() {
    let errors = [
        registry::all().map(drop).unwrap_err(),
        registry::find("single").map(drop).unwrap_err(),
        Spec::parse("twin:out").map(drop).unwrap_err(),
        Spec::parse("single:out").map(drop).unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), Kind::Internal);
        assert_eq!(error.to_string(), "two sinks are registered as `twin`");
    }
}
