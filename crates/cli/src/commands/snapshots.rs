//! `fortilake snapshots`: lists, verifies and prunes published snapshots.
//!
//! It reads only the published place, so it also works on a machine without the state.

use std::{fmt::Write as _, path::Path};

use anyhow::anyhow;
use fortilake_sink::nearest;
use fortilake_snapshot::{Keep, Layout, Published, Reader, Which};

use super::place;
use crate::{
    args::{SnapshotsAction, SnapshotsArgs},
    console::Console,
    exit::{Code, CommandError, Result},
    summary,
};

/// The layouts that a place may have.
const LAYOUTS: [Layout; 2] = [Layout::Snapshots, Layout::Latest];

/// Lists, verifies or prunes snapshots.
pub(crate) fn run(args: &SnapshotsArgs, console: Console) -> Result {
    let config = args.config.as_deref();
    let path = place::path(args.place.as_ref(), config)?;
    let reader = place::reader(&path, config)?;
    super::block_on(&super::runtime()?, async {
        match &args.action {
            None => list(&reader, &path, Form::Text, console).await,
            Some(SnapshotsAction::List { json: false }) => {
                list(&reader, &path, Form::Text, console).await
            }
            Some(SnapshotsAction::List { json: true }) => {
                list(&reader, &path, Form::Json, console).await
            }
            Some(SnapshotsAction::Verify { name }) => {
                verify(&reader, &path, name.as_deref(), console).await
            }
            Some(SnapshotsAction::Prune {
                last,
                days,
                dry_run,
            }) => {
                let keep = Keep {
                    last: *last,
                    days: *days,
                };
                prune(&reader, keep, *dry_run, console).await
            }
        }
    })
}

/// How a list is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Json,
}

async fn list(reader: &Reader, path: &Path, form: Form, console: Console) -> Result {
    let mut snapshots = Vec::new();
    for layout in LAYOUTS {
        snapshots.extend(reader.list(layout).await?);
    }
    let text = match form {
        Form::Json => format!(
            "{:#}\n",
            serde_json::to_value(&snapshots).map_err(CommandError::failed)?
        ),
        Form::Text => {
            if snapshots.is_empty() {
                console.note(&format!(
                    "no snapshot is published at `{}`\n",
                    path.display()
                ));
            }
            lines(&snapshots)
        }
    };
    console.data(&text).map_err(CommandError::failed)?;
    Ok(Code::Complete)
}

fn lines(snapshots: &[Published]) -> String {
    let mut text = String::new();
    for snapshot in snapshots {
        let state = match (snapshot.complete, snapshot.failed_scopes) {
            (true, _) => "complete".to_owned(),
            (false, 1) => "partial, 1 scope failed".to_owned(),
            (false, failed) => format!("partial, {failed} scopes failed"),
        };
        let _ = write!(
            text,
            "{}  {:9}  {:8}  {:>10} rows  {state}",
            snapshot.snapshot,
            snapshot.layout.name(),
            snapshot.formats.join("+"),
            snapshot.rows,
        );
        let marks = [
            (snapshot.selected, "a selection"),
            (snapshot.is_latest, "latest"),
        ];
        for (_, mark) in marks.into_iter().filter(|(is, _)| *is) {
            let _ = write!(text, ", {mark}");
        }
        text.push('\n');
    }
    text
}

async fn verify(reader: &Reader, path: &Path, name: Option<&str>, console: Console) -> Result {
    let mut known = Vec::new();
    let (mut verified, mut damaged) = (0, 0);
    for layout in LAYOUTS {
        for published in reader.list(layout).await? {
            known.push(published.snapshot.clone());
            let is_meant = match name {
                None => true,
                Some("latest") => published.is_latest,
                Some(name) => name == published.snapshot,
            };
            let which = Which::Named(published.snapshot.clone());
            if !is_meant {
                continue;
            }
            // Another process may have pruned it since the list was read.
            let Some(manifest) = reader.resolve(layout, &which).await? else {
                continue;
            };
            let problems = reader.verify(layout, &manifest).await?;
            let mut text = String::new();
            for damage in &problems {
                let _ = writeln!(
                    text,
                    "{}  {}: {}",
                    published.snapshot, damage.path, damage.problem
                );
            }
            if problems.is_empty() {
                let files = summary::count(published.files, "file");
                let _ = writeln!(text, "{}  ok, {files}", published.snapshot);
            }
            console.data(&text).map_err(CommandError::failed)?;
            verified += 1;
            damaged += usize::from(!problems.is_empty());
        }
    }
    if verified == 0 {
        let place = path.display();
        let Some(name) = name else {
            return Err(CommandError::not_started(anyhow!(
                "no snapshot is published at `{place}`"
            )));
        };
        let error = anyhow!("no snapshot `{name}` is published at `{place}`");
        let failure = CommandError::not_started(error);
        return Err(match nearest(name, known.iter().map(String::as_str)) {
            Some(known) => failure.hint(format!("did you mean `{known}`?")),
            None => failure.hint("`fortilake snapshots list` lists the snapshots"),
        });
    }
    if damaged > 0 {
        let error = anyhow!("damaged snapshots: {damaged} of {verified}");
        return Err(CommandError::failed(error)
            .hint("`fortilake replay ID` publishes a crawl again if `fortilake crawls` lists it"));
    }
    Ok(Code::Complete)
}

/// Deletes snapshots that nothing keeps, and the claims of crawls that were never published.
async fn prune(reader: &Reader, keep: Keep, dry_run: bool, console: Console) -> Result {
    let what = if dry_run { "would delete" } else { "deleted" };
    let names = if dry_run {
        reader.surplus(Layout::Snapshots, keep).await?
    } else {
        reader.prune(Layout::Snapshots, keep).await?
    };
    let mut text = String::new();
    for name in names {
        let _ = writeln!(text, "{what} {name}");
    }
    for layout in LAYOUTS {
        let claims = if dry_run {
            reader.forgotten(layout).await?
        } else {
            reader.withdraw(layout).await?
        };
        for claim in claims {
            let (name, crawl) = (claim.snapshot, claim.crawl_id);
            let _ = writeln!(
                text,
                "{what} the name {name}, which crawl {crawl} reserved but never published"
            );
        }
    }
    console.data(&text).map_err(CommandError::failed)?;
    if text.is_empty() {
        console.note("nothing to delete\n");
    }
    Ok(Code::Complete)
}
