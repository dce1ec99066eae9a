//! One module per command; each resolves what it was given, runs, and says how it ended.

pub(crate) mod crawl;
pub(crate) mod decode;
pub(crate) mod simulate;
pub(crate) mod sinks;
pub(crate) mod tables;

use std::sync::Arc;

use fortilake_crawler::{
    OpenSink,
    sink::{self, TableSpec},
};

use crate::{
    config::SinkConfig,
    exit::{Failure, Result},
};

/// What a crawl or its like is called.
struct Identity {
    crawl: sink::Crawl,
}

impl Identity {
    /// Made from the clock, and a random part so that two starts in one second stay apart.
    fn new() -> Self {
        use std::hash::{BuildHasher, RandomState};
        let started_at = jiff::Timestamp::now();
        let snapshot = started_at.strftime("%Y%m%dT%H%M%SZ").to_string();
        let random = RandomState::new().hash_one(std::process::id()) & 0xffff_ffff;
        let crawl = sink::Crawl {
            id: format!("{snapshot}-{random:08x}"),
            snapshot,
            started_at: started_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            generator: concat!("fortilake ", env!("CARGO_PKG_VERSION")).to_owned(),
        };
        Self { crawl }
    }
}

/// Opens the sinks; what opened before a failure is taken back.
async fn open_sinks(
    configs: &[SinkConfig],
    crawl: &sink::Crawl,
    tables: &[Arc<TableSpec>],
) -> Result<Vec<OpenSink>> {
    let mut open: Vec<OpenSink> = Vec::new();
    for config in configs {
        let context = sink::Context::new(crawl.clone(), tables.to_vec());
        match config.spec.clone().open(context).await {
            Ok(sink) => open.push(OpenSink {
                name: config.label.clone(),
                sink,
            }),
            Err(error) => {
                for OpenSink { sink, .. } in open {
                    // The first failure is the one to tell.
                    let _ = sink.abort().await;
                }
                let context = format!("sink `{}` cannot be opened", config.label);
                return Err(Failure::from(error).context(context));
            }
        }
    }
    Ok(open)
}

/// A runtime for the commands that wait for something.
fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::failed)
}
