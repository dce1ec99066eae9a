//! Dead letters: one file for each message that could not be delivered.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use fortilake_sink::{Error, Kind, Result};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::courier::Failure;
use crate::message::{Id, Message};

const EXTENSION: &str = "json";

/// The dead letters of one destination.
#[derive(Debug)]
pub(crate) struct Letters {
    folder: PathBuf,
    /// The destination as far as it may be shown.
    url: String,
}

/// A message as it lies in a file, with what a person wants to know of it.
///
/// The signature is not in it, for it is made anew; nor are the user's headers, for they may be secrets.
#[derive(Serialize, Deserialize)]
struct Letter {
    id: String,
    url: String,
    cause: String,
    /// How often it was tried in all.
    attempts: u32,
    /// When it was given up.
    failed_at: Timestamp,
    headers: Headers,
    rows: u64,
    /// The body as it was signed, which is before compression.
    body: String,
}

#[derive(Serialize, Deserialize)]
struct Headers {
    #[serde(rename = "content-type")]
    content_type: String,
    #[serde(rename = "webhook-id")]
    webhook_id: String,
}

impl Letters {
    /// The letters in `folder`; nothing is read or made.
    pub(crate) fn new(folder: PathBuf, url: String) -> Self {
        Self { folder, url }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes a letter, in place of the one that the message may have.
    ///
    /// The file appears whole, and only its owner can read it.
    pub(crate) fn keep(&self, message: &Message, failure: &Failure, now: Timestamp) -> Result<()> {
        let id = message.id.to_string();
        let internal = |error| {
            let text = format!("cannot encode the dead letter `{id}`");
            Error::new(Kind::Internal, text).with_source(error)
        };
        let letter = Letter {
            id: id.clone(),
            url: self.url.clone(),
            cause: failure.cause.clone(),
            attempts: failure.attempts,
            failed_at: now,
            headers: Headers {
                content_type: message.content_type.clone(),
                webhook_id: id.clone(),
            },
            rows: message.rows,
            body: String::from_utf8(message.body.to_vec())
                .map_err(|error| internal(error.to_string()))?,
        };
        let mut text =
            serde_json::to_vec_pretty(&letter).map_err(|error| internal(error.to_string()))?;
        text.push(b'\n');
        create_folder(&self.folder)
            .map_err(|error| Error::io("create the folder", &self.folder, error))?;
        let path = self.path(&message.id);
        let temporary = path.with_extension("tmp");
        write(&temporary, &text).map_err(|error| Error::io("write", &temporary, error))?;
        fs::rename(&temporary, &path).map_err(|error| Error::io("write", &path, error))?;
        sync(&self.folder)
    }

    /// Removes the letter of a message that was delivered after all, if there is one.
    pub(crate) fn remove(&self, id: &Id) -> Result<()> {
        let path = self.path(id);
        match fs::remove_file(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(Error::io("remove", &path, error)),
            Ok(()) => sync(&self.folder),
        }
    }

    /// The ids of all letters, crawl by crawl, each crawl's summary after its rows.
    pub(crate) fn list(&self) -> Result<Vec<Id>> {
        let unreadable = |error| Error::io("read the folder", &self.folder, error);
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unreadable(error)),
            Ok(entries) => entries,
        };
        let mut ids = Vec::new();
        for entry in entries {
            let path = PathBuf::from(entry.map_err(unreadable)?.file_name());
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            if path
                .extension()
                .is_some_and(|extension| extension == EXTENSION)
            {
                ids.extend(stem.and_then(Id::parse));
            }
        }
        ids.sort();
        Ok(ids)
    }

    /// Reads a letter back into the message that it was.
    pub(crate) fn read(&self, id: Id) -> Result<Message> {
        let path = self.path(&id);
        let damaged = || {
            let text = format!("`{}` is no dead letter, or a damaged one", path.display());
            Error::new(Kind::Config, text)
        };
        let text = fs::read(&path).map_err(|error| Error::io("read", &path, error))?;
        let letter: Letter =
            serde_json::from_slice(&text).map_err(|error| damaged().with_source(error))?;
        if letter.id != id.to_string() {
            return Err(damaged().with_source(format!("it is about message `{}`", letter.id)));
        }
        Ok(Message {
            id,
            content_type: letter.headers.content_type,
            body: Bytes::from(letter.body),
            rows: letter.rows,
            attempts: letter.attempts,
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

/// Writes what only the owner may read.
fn write(path: &Path, text: &[u8]) -> std::io::Result<()> {
    // What an earlier process left behind may be readable to others.
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

/// Makes the names in a folder durable.
///
/// Only Unix lets a folder be synced; elsewhere the file system orders renames by itself.
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
