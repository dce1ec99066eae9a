//! The storage interface: the few file operations that the commit protocol needs from a folder or a bucket.

use std::any::Any;
use std::fmt::{self, Debug};
use std::ops::Range;

use async_trait::async_trait;
use fortilake_sink::{Error, Kind, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A folder or a bucket that snapshots are published into.
///
/// Paths are relative to the place and use `/` as the separator on every system.
///
/// There is no rename, because object stores have none: there, a rename is a copy and a delete, and a crash in between
/// leaves both files. A protocol that needs rename would be safe on folders only, so there would have to be two
/// protocols to test. Instead a file appears whole, under its final name, when [`put_new`](Place::put_new),
/// [`swap`](Place::swap), [`copy`](Place::copy) or [`Upload::complete`] puts it there, and from then on it survives a
/// crash of the machine. The price is that every file needs a name that no other process can choose.
///
/// # Lost responses
///
/// A call that fails may still have taken effect, for example if a response was lost on the way. So after a failure,
/// and after [`Put::Taken`], a caller of `put_new` or `swap` reads the file back and checks whether the content is its
/// own.
#[async_trait]
pub trait Place: Debug + Send + Sync {
    /// Where the place is, as a path or URL for messages.
    fn location(&self) -> String;

    /// Whether the place supports symbolic links. Without them, the layout `latest` shows copies in the root.
    async fn has_links(&self) -> Result<bool>;

    /// Checks that files can be created, put and deleted in each of `folders`, and leaves nothing behind.
    async fn probe(&self, folders: &[String]) -> Result<()>;

    /// Removes leftovers of dead processes that only this kind of place has, such as staging folders.
    async fn recover(&self) -> Result<()>;

    /// Whether the place has locks. Without them, every step after the commit is safe beside other processes.
    fn has_locks(&self) -> bool;

    /// Keeps other processes from publishing here until the lock is dropped; `None` if the place has no locks.
    ///
    /// It fails if another process does not release the lock within a few minutes, for example because it is
    /// suspended.
    async fn lock(&self) -> Result<Option<Lock>>;

    /// Like [`lock`](Place::lock), but returns `None` at once if another process holds the lock.
    async fn try_lock(&self) -> Result<Option<Lock>>;

    /// Reads a small file into memory; `None` if it does not exist.
    async fn get(&self, path: &str) -> Result<Option<Object>>;

    /// Reads the last `count` bytes of a file of any size, or all of it if it is shorter; `None` if it does not exist.
    async fn tail(&self, path: &str, count: u64) -> Result<Option<Vec<u8>>>;

    /// Reads a part of a file of any size, which ends early if the file does; `None` if the file does not exist.
    ///
    /// A range that begins behind the end of the file may be an error.
    async fn read(&self, path: &str, range: Range<u64>) -> Result<Option<Vec<u8>>>;

    /// The size and digest of a file of any size; `None` if it does not exist.
    async fn digest(&self, path: &str) -> Result<Option<Digest>>;

    /// Creates a file with this content, unless the path exists.
    async fn put_new(&self, path: &str, content: Vec<u8>) -> Result<Put>;

    /// Replaces a file if its tag is still `expected` (compare-and-swap). With `None`, creates it if it is absent.
    async fn swap(&self, path: &str, expected: Option<&Tag>, content: Vec<u8>) -> Result<Put>;

    /// Copies `from` to `to`, replacing a file that is already there.
    async fn copy(&self, from: &str, to: &str) -> Result<()>;

    /// All files at any depth below a folder, sorted by path; empty if the folder does not exist.
    async fn list(&self, folder: &str) -> Result<Vec<String>>;

    /// Deletes a file or link. It is not an error if the path does not exist.
    async fn delete(&self, path: &str) -> Result<()>;

    /// Starts an upload to `path`. The file stays invisible until [`Upload::complete`].
    async fn begin(&self, path: &str) -> Result<Box<dyn Upload>>;

    /// Discards an upload of a dead process, by the id that the process recorded.
    async fn discard(&self, path: &str, id: &str) -> Result<()>;

    /// Unfinished uploads of all processes, living and dead; empty if the place cannot list them.
    async fn uploads(&self) -> Result<Vec<Unfinished>>;

    /// What kind of file is at `path`, without following a link.
    async fn read_link(&self, path: &str) -> Result<Link>;

    /// Makes `path` a link to `target` if `path` is still as `expected`. `target` is relative to the folder of `path`.
    async fn swap_link(&self, path: &str, expected: &Link, target: &str) -> Result<Put>;
}

/// A file that is being written and is not visible to readers yet.
#[async_trait]
pub trait Upload: Send {
    /// The id that [`Place::discard`] needs if this process dies. `None` if there is nothing to discard yet, or if
    /// [`Place::recover`] finds the leftovers.
    ///
    /// It may appear with a [`write`](Upload::write), and then it never changes.
    fn id(&self) -> Option<&str>;

    /// Appends `bytes`. After an error, or if the call was dropped, the upload can only be discarded.
    async fn write(&mut self, bytes: Vec<u8>) -> Result<()>;

    /// Makes the file durable and visible under its final path.
    async fn complete(self: Box<Self>) -> Result<()>;

    /// Removes the bytes written so far; the path stays absent.
    async fn discard(self: Box<Self>) -> Result<()>;
}

/// An upload that was started and neither completed nor discarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// The path that it would get.
    pub path: String,
    /// The id to pass to [`Place::discard`].
    pub id: String,
}

/// The result of a conditional write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// The content was written.
    Done,
    /// The condition did not hold. It may be the caller's own earlier write, if its response was lost.
    Taken,
}

/// Identifies the content of a file: an `ETag` in a bucket, a digest in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag(pub String);

/// A file that was read, and the tag to replace it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// The whole content.
    pub content: Vec<u8>,
    /// The tag to pass to [`Place::swap`].
    pub tag: Tag,
}

/// The size of a file and its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    /// The size in bytes.
    pub bytes: u64,
    /// The SHA-256 digest as 64 lower-case hexadecimal digits.
    pub sha256: String,
}

/// What [`Place::read_link`] found at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// The path does not exist.
    Absent,
    /// A file that is not a link.
    File,
    /// A link to this path, relative to the folder that contains the link.
    To(String),
}

/// The lock of a place, held while publishing and released on drop.
pub struct Lock(#[expect(dead_code, reason = "held, never read")] Box<dyn Any + Send>);

impl Lock {
    /// A lock that is released when `held` is dropped.
    pub fn new(held: impl Any + Send) -> Self {
        Self(Box::new(held))
    }
}

impl Debug for Lock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Lock")
    }
}

/// Reads a JSON file with its tag; `None` if it does not exist.
pub(crate) async fn read_json<T: DeserializeOwned>(
    place: &dyn Place,
    path: &str,
) -> Result<Option<(T, Tag)>> {
    let Some(object) = place.get(path).await? else {
        return Ok(None);
    };
    let value = serde_json::from_slice(&object.content).map_err(|error| {
        let text = format!(
            "`{path}` in `{}` is damaged, or a newer version of fortilake wrote it",
            place.location()
        );
        Error::new(Kind::Config, text).with_source(error)
    })?;
    Ok(Some((value, object.tag)))
}

/// Encodes JSON as the files of a place contain it: indented, with a line feed at the end.
pub(crate) fn to_json(value: &impl Serialize) -> Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(value)
        .map_err(|error| Error::new(Kind::Internal, "cannot encode JSON").with_source(error))?;
    text.push(b'\n');
    Ok(text)
}
