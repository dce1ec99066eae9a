//! The [`Place`] on the local file system.

use std::fs;
use std::io::{ErrorKind, Read, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use fortilake_sink::{Error, Kind, Result};
use sha2::{Digest as _, Sha256};
use tokio::sync::OnceCell;
use tokio::task::{JoinHandle, spawn_blocking};

use self::staging::Staging;
use self::upload::LocalUpload;
use crate::layout::OWN;
use crate::place::{Digest, Link, Lock, Object, Place, Put, Tag, Unfinished, Upload};

pub(crate) mod disk;
mod list;
mod lock;
mod old_plan;
mod probe;
mod staging;
#[cfg(test)]
mod tests;
mod upload;

/// How long a publisher waits for the lock while another process publishes.
const PUBLISHING: Duration = Duration::from_mins(5);

/// How long a conditional change waits for the lock while another process makes one.
const CHANGING: Duration = Duration::from_secs(30);

/// A folder of the local file system.
///
/// A file is written in `_fortilake/staging`, synced, and then linked or renamed to its path; the folder is synced too.
///
/// There are two locks, both taken with a deadline. Publishing holds the lock on `_fortilake/lock`, which can take
/// minutes. Each conditional change holds the lock on `_fortilake/change.lock`, because a file system has no
/// compare-and-swap: reading, comparing and renaming must not interleave with another process. With one lock for both,
/// a crawl could not claim its name while another one publishes.
#[derive(Clone, Debug)]
pub struct LocalPlace {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    staging: OnceCell<Staging>,
    has_links: OnceLock<bool>,
    /// Whether `put_new` tries hard links; `false` in tests of file systems without them.
    has_hard_links: bool,
}

impl LocalPlace {
    /// A place in the folder `root`, which is created by the first write.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self::with(root.into(), true)
    }

    fn with(root: PathBuf, has_hard_links: bool) -> Self {
        let inner = Inner {
            root,
            staging: OnceCell::new(),
            has_links: OnceLock::new(),
            has_hard_links,
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// A place on a file system that has neither hard nor symbolic links.
    #[cfg(test)]
    pub(crate) fn without_links(root: impl Into<PathBuf>) -> Self {
        let place = Self::with(root.into(), false);
        let _ = place.inner.has_links.set(false);
        place
    }

    /// From now on, keeps the staging folder on drop, as if this process had died.
    #[cfg(test)]
    pub(crate) fn die(&self) {
        if let Some(staging) = self.inner.staging.get() {
            staging.leave();
        }
    }

    /// The file system path of `path`, which is relative to the place.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if the path is empty or leads out of the place, as in a damaged or forged manifest.
    pub fn path(&self, path: &str) -> Result<PathBuf> {
        self.inner.path(path)
    }

    /// Whether symbolic links work in `root`. It may create a link for a moment to find out.
    pub(crate) fn has_links_now(root: &Path) -> bool {
        probe::has_links(root)
    }
}

impl Inner {
    fn path(&self, path: &str) -> Result<PathBuf> {
        let is_plain = |part: Component<'_>| matches!(part, Component::Normal(_));
        if !path.is_empty() && Path::new(path).components().all(is_plain) {
            return Ok(self.root.join(path));
        }
        let text = format!("`{path}` is not a path inside `{}`", self.root.display());
        Err(Error::new(Kind::Config, text))
    }

    fn own(&self, name: &str) -> PathBuf {
        self.root.join(OWN).join(name)
    }

    async fn change_lock(&self) -> Result<fs::File> {
        lock::take(self.own("change.lock"), CHANGING).await
    }

    async fn staging(&self) -> Result<&Staging> {
        let create = async || {
            let guard = self.change_lock().await?;
            let folder = self.own("staging");
            blocking(move || {
                let _guard = guard;
                Staging::create(&folder)
            })
            .await
        };
        self.staging.get_or_try_init(create).await
    }

    /// Runs `work` under the lock for conditional changes, with a path for a staged file and the final path.
    ///
    /// The staged file is removed afterwards if `work` did not rename it.
    async fn change<T: Send + 'static>(
        self: &Arc<Self>,
        path: &str,
        work: impl FnOnce(&Path, &Path) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let path = self.path(path)?;
        let part = upload::part(self.staging().await?.path(), &path);
        let guard = self.change_lock().await?;
        let inner = Arc::clone(self);
        blocking(move || {
            let _held = (guard, inner);
            let done = work(&part, &path);
            disk::remove_file(&part)?;
            done
        })
        .await
    }
}

#[async_trait]
impl Place for LocalPlace {
    fn location(&self) -> String {
        self.inner.root.display().to_string()
    }

    async fn has_links(&self) -> Result<bool> {
        let inner = Arc::clone(&self.inner);
        let find = move || {
            let find = || probe::has_links(&inner.own("staging"));
            Ok(*inner.has_links.get_or_init(find))
        };
        blocking(find).await
    }

    async fn probe(&self, folders: &[String]) -> Result<()> {
        let (root, folders) = (self.inner.root.clone(), folders.to_vec());
        blocking(move || probe::probe(&root, &folders)).await
    }

    async fn recover(&self) -> Result<()> {
        let staging = self.inner.own("staging");
        if !exists(staging.clone()).await? {
            return Ok(());
        }
        let guard = self.inner.change_lock().await?;
        let root = self.inner.root.clone();
        blocking(move || {
            let _guard = guard;
            probe::sweep(&root)?;
            staging::sweep(&root, &staging)
        })
        .await
    }

    fn has_locks(&self) -> bool {
        true
    }

    async fn lock(&self) -> Result<Option<Lock>> {
        let file = lock::take(self.inner.own("lock"), PUBLISHING).await?;
        Ok(Some(Lock::new(file)))
    }

    async fn try_lock(&self) -> Result<Option<Lock>> {
        let file = lock::try_take(self.inner.own("lock")).await?;
        Ok(file.map(Lock::new))
    }

    async fn get(&self, path: &str) -> Result<Option<Object>> {
        let path = self.inner.path(path)?;
        blocking(move || {
            let content = read(&path)?;
            Ok(content.map(|content| Object {
                tag: tag(&content),
                content,
            }))
        })
        .await
    }

    async fn tail(&self, path: &str, count: u64) -> Result<Option<Vec<u8>>> {
        let path = self.inner.path(path)?;
        blocking(move || tail(&path, count)).await
    }

    async fn read(&self, path: &str, range: Range<u64>) -> Result<Option<Vec<u8>>> {
        let path = self.inner.path(path)?;
        blocking(move || read_part(&path, range)).await
    }

    async fn digest(&self, path: &str) -> Result<Option<Digest>> {
        let path = self.inner.path(path)?;
        blocking(move || digest(&path)).await
    }

    async fn put_new(&self, path: &str, content: Vec<u8>) -> Result<Put> {
        let has_hard_links = self.inner.has_hard_links;
        let put = move |part: &Path, path: &Path| {
            disk::write(part, &content)?;
            if has_hard_links && disk::link_new(part, path)?.is_ok() {
                return disk::sync_parent(path).map(|()| Put::Done);
            }
            // The path is taken, or there are no hard links here. If it is something else, the rename reports it.
            // Check and rename are two steps, but every process that creates files here holds the same lock. Creating
            // the file with `O_EXCL` and then writing it would need no lock, but a crash could leave an empty claim.
            if path.symlink_metadata().is_ok() {
                return Ok(Put::Taken);
            }
            disk::rename(part, path).map(|()| Put::Done)
        };
        self.inner.change(path, put).await
    }

    async fn swap(&self, path: &str, expected: Option<&Tag>, content: Vec<u8>) -> Result<Put> {
        let expected = expected.cloned();
        let swap = move |part: &Path, path: &Path| {
            if read(path)?.map(|there| tag(&there)) != expected {
                return Ok(Put::Taken);
            }
            disk::write(part, &content)?;
            disk::rename(part, path).map(|()| Put::Done)
        };
        self.inner.change(path, swap).await
    }

    async fn copy(&self, from: &str, to: &str) -> Result<()> {
        let from = self.inner.path(from)?;
        let copy = move |part: &Path, to: &Path| {
            let copied = fs::copy(&from, part).and_then(|_| fs::File::open(part)?.sync_all());
            copied.map_err(|error| {
                Error::io(format_args!("copy `{}` to", from.display()), part, error)
            })?;
            disk::rename(part, to)
        };
        self.inner.change(to, copy).await
    }

    async fn list(&self, folder: &str) -> Result<Vec<String>> {
        let (root, path) = (self.inner.root.clone(), self.inner.path(folder)?);
        blocking(move || list::files(&root, &path)).await
    }

    async fn delete(&self, path: &str) -> Result<()> {
        let (root, path) = (self.inner.root.clone(), self.inner.path(path)?);
        blocking(move || {
            disk::remove_file(&path)?;
            list::remove_empty_folders(&root, &path);
            Ok(())
        })
        .await
    }

    async fn begin(&self, path: &str) -> Result<Box<dyn Upload>> {
        let to = self.inner.path(path)?;
        let upload = LocalUpload::begin(Arc::clone(&self.inner), to).await?;
        Ok(Box::new(upload))
    }

    async fn discard(&self, _path: &str, _id: &str) -> Result<()> {
        // Nothing to do: uploads of dead processes are in staging folders, and `recover` removes those.
        Ok(())
    }

    async fn uploads(&self) -> Result<Vec<Unfinished>> {
        // Nothing to list, for the same reason.
        Ok(Vec::new())
    }

    async fn read_link(&self, path: &str) -> Result<Link> {
        let path = self.inner.path(path)?;
        blocking(move || read_link(&path)).await
    }

    async fn swap_link(&self, path: &str, expected: &Link, target: &str) -> Result<Put> {
        let (expected, target) = (expected.clone(), target.to_owned());
        let swap = move |part: &Path, path: &Path| {
            if read_link(path)? != expected {
                return Ok(Put::Taken);
            }
            disk::remove_file(part)?;
            probe::symlink(&target, part).map_err(|error| Error::io("link", part, error))?;
            disk::rename(part, path).map(|()| Put::Done)
        };
        self.inner.change(path, swap).await
    }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(Error::io("read", path, error)),
    }
}

fn read_link(path: &Path) -> Result<Link> {
    match fs::symlink_metadata(path) {
        Err(error) if is_absent(&error) => return Ok(Link::Absent),
        Err(error) => return Err(Error::io("read", path, error)),
        Ok(data) if !data.is_symlink() => return Ok(Link::File),
        Ok(_) => {}
    }
    let target = fs::read_link(path).map_err(|error| Error::io("read", path, error))?;
    Ok(Link::To(target.to_string_lossy().into_owned()))
}

fn tail(path: &Path, count: u64) -> Result<Option<Vec<u8>>> {
    let failed = |error| Error::io("read", path, error);
    let mut file = match fs::File::open(path) {
        Err(error) if is_absent(&error) => return Ok(None),
        file => file.map_err(failed)?,
    };
    let mut read = || {
        let length = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(length.saturating_sub(count)))?;
        let mut tail = Vec::new();
        file.read_to_end(&mut tail)?;
        Ok(tail)
    };
    read().map(Some).map_err(failed)
}

fn read_part(path: &Path, range: Range<u64>) -> Result<Option<Vec<u8>>> {
    let failed = |error| Error::io("read", path, error);
    let mut file = match fs::File::open(path) {
        Err(error) if is_absent(&error) => return Ok(None),
        file => file.map_err(failed)?,
    };
    let mut read = || {
        file.seek(SeekFrom::Start(range.start))?;
        let mut part = Vec::new();
        let length = range.end.saturating_sub(range.start);
        Read::by_ref(&mut file)
            .take(length)
            .read_to_end(&mut part)?;
        Ok(part)
    };
    read().map(Some).map_err(failed)
}

fn digest(path: &Path) -> Result<Option<Digest>> {
    let failed = |error| Error::io("read", path, error);
    let mut file = match fs::File::open(path) {
        Err(error) if is_absent(&error) => return Ok(None),
        file => file.map_err(failed)?,
    };
    let (mut hash, mut bytes) = (Sha256::new(), 0);
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let count = file.read(&mut buffer).map_err(failed)?;
        if count == 0 {
            let sha256 = format!("{:x}", hash.finalize());
            return Ok(Some(Digest { bytes, sha256 }));
        }
        hash.update(&buffer[..count]);
        bytes += count as u64;
    }
}

fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn tag(content: &[u8]) -> Tag {
    Tag(format!("{:x}", Sha256::digest(content)))
}

async fn exists(path: PathBuf) -> Result<bool> {
    blocking(move || Ok(path.exists())).await
}

/// Runs blocking work on a thread where blocking is allowed.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    joined(spawn_blocking(work)).await
}

/// The result of a task for blocking work.
pub(crate) async fn joined<T>(task: JoinHandle<Result<T>>) -> Result<T> {
    task.await.unwrap_or_else(|error| {
        Err(
            Error::new(Kind::Internal, "a file operation panicked or was cancelled")
                .with_source(error),
        )
    })
}
