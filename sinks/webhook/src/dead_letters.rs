//! Dead letters: undelivered messages, each stored in a file of its own.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use fortilake_sink::{Error, Kind, Result};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::message::{Id, Message, Position};
use crate::sender::DeliveryFailure;

const EXTENSION: &str = "json";

/// The dead letters of one destination.
#[derive(Debug)]
pub(crate) struct DeadLetters {
    folder: PathBuf,
    /// The destination's URL without its secret parts.
    url: String,
}

/// The content of a file: a message, and why it was not delivered.
///
/// The signature is left out, because it is made again for each attempt. The user's headers are left
/// out, because they may be secrets.
#[derive(Serialize, Deserialize)]
struct DeadLetter {
    id: String,
    url: String,
    cause: String,
    /// The beginning of the body of the last response, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer: Option<String>,
    /// The number of attempts in total, those of earlier processes included.
    attempts: u32,
    /// When the message was given up.
    failed_at: Timestamp,
    edition: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    position: Option<Position>,
    headers: Headers,
    rows: u64,
    /// The body before compression, which is what was signed.
    body: String,
}

#[derive(Serialize, Deserialize)]
struct Headers {
    #[serde(rename = "content-type")]
    content_type: String,
    #[serde(rename = "webhook-id")]
    webhook_id: String,
}

/// The dead letters in a folder.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) ids: Vec<Id>,
    /// Files that look like dead letters of another version, whose ids have another form.
    pub(crate) foreign: Vec<PathBuf>,
}

impl Listing {
    /// The error for letters that this version cannot send.
    pub(crate) fn error(&self) -> Option<Error> {
        let path = self.foreign.first()?.display();
        let text =
            format!("`{path}` is a dead letter of another fortilake version and was not sent");
        Some(Error::new(Kind::Config, text))
    }
}

impl DeadLetters {
    /// The letters in `folder`, which need not exist yet.
    pub(crate) fn new(folder: PathBuf, url: String) -> Self {
        Self { folder, url }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes a letter, replacing an earlier one of the same message.
    ///
    /// The file is written under a temporary name, synced and renamed, so that it is complete even
    /// after a crash. Only its owner can read it, because it contains the rows.
    pub(crate) fn keep(
        &self,
        message: &Message,
        failure: &DeliveryFailure,
        now: Timestamp,
    ) -> Result<()> {
        let id = message.id.to_string();
        let internal = |error| {
            let text = format!("cannot encode the dead letter `{id}`");
            Error::new(Kind::Internal, text).with_source(error)
        };
        let dead_letter = DeadLetter {
            id: id.clone(),
            url: self.url.clone(),
            cause: failure.cause.clone(),
            answer: failure.answer.clone(),
            attempts: failure.attempts,
            failed_at: now,
            edition: message.edition.clone(),
            position: message.position.clone(),
            headers: Headers {
                content_type: message.content_type.clone(),
                webhook_id: id.clone(),
            },
            rows: message.rows,
            body: String::from_utf8(message.body.to_vec())
                .map_err(|error| internal(error.to_string()))?,
        };
        let mut text =
            serde_json::to_vec_pretty(&dead_letter).map_err(|error| internal(error.to_string()))?;
        text.push(b'\n');
        create_folder(&self.folder)
            .map_err(|error| Error::io("create the folder", &self.folder, error))?;
        let path = self.path(&message.id);
        let temporary = path.with_extension("tmp");
        write(&temporary, &text).map_err(|error| Error::io("write", &temporary, error))?;
        fs::rename(&temporary, &path).map_err(|error| Error::io("write", &path, error))?;
        sync(&self.folder)
    }

    /// Removes the letter of a message that has been delivered, if there is one.
    pub(crate) fn remove(&self, id: &Id) -> Result<()> {
        let path = self.path(id);
        match fs::remove_file(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(Error::io("remove", &path, error)),
            Ok(()) => sync(&self.folder),
        }
    }

    /// Lists all letters, sorted by crawl, with each crawl's final message after its rows.
    pub(crate) fn list(&self) -> Result<Listing> {
        let unreadable = |error| Error::io("read the folder", &self.folder, error);
        let mut listing = Listing::default();
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(listing),
            Err(error) => return Err(unreadable(error)),
            Ok(entries) => entries,
        };
        for entry in entries {
            let path = entry.map_err(unreadable)?.path();
            let is_json = path.extension().is_some_and(|found| found == EXTENSION);
            let Some(stem) = path.file_stem().and_then(|stem| stem.to_str()) else {
                continue;
            };
            match Id::parse(stem) {
                Some(id) if is_json => listing.ids.push(id),
                None if is_json && Id::is_like(stem) => listing.foreign.push(path),
                _ => {}
            }
        }
        listing.ids.sort();
        listing.foreign.sort();
        Ok(listing)
    }

    /// Reads a letter back as a message.
    pub(crate) fn read(&self, id: Id) -> Result<Message> {
        let path = self.path(&id);
        let damaged = || {
            let text = format!("`{}` is damaged or not a dead letter", path.display());
            Error::new(Kind::Config, text)
        };
        let text = fs::read(&path).map_err(|error| Error::io("read", &path, error))?;
        let dead_letter: DeadLetter =
            serde_json::from_slice(&text).map_err(|error| damaged().with_source(error))?;
        if dead_letter.id != id.to_string() {
            let text = format!("it contains message `{}`", dead_letter.id);
            return Err(damaged().with_source(text));
        }
        // A message without a position counts as the final message. If rows were taken for it, the
        // crawl would be recorded as completely delivered.
        if id.is_summary() != dead_letter.position.is_none() {
            return Err(damaged().with_source("its id and its `position` do not match"));
        }
        Ok(Message {
            id,
            edition: dead_letter.edition,
            position: dead_letter.position,
            content_type: dead_letter.headers.content_type,
            body: Bytes::from(dead_letter.body),
            rows: dead_letter.rows,
            attempts: dead_letter.attempts,
        })
    }

    fn path(&self, id: &Id) -> PathBuf {
        self.folder.join(format!("{id}.{EXTENSION}"))
    }
}

fn create_folder(path: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Writes a file that only its owner can read.
fn write(path: &Path, text: &[u8]) -> std::io::Result<()> {
    // A leftover file of an earlier process may have other permissions, so it is not reused.
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

/// Syncs a folder, so that renames and removals in it survive a crash.
///
/// Folders can only be synced on Unix. Elsewhere this does nothing.
fn sync(folder: &Path) -> Result<()> {
    if cfg!(unix) {
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| Error::io("sync the folder", folder, error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
