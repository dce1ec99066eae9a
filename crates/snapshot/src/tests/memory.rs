//! A place in memory that behaves like an object store: no links, no locks, and uploads with ids.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use sha2::{Digest as _, Sha256};

use super::*;

#[derive(Clone, Debug, Default)]
pub(super) struct MemoryPlace(Arc<Mutex<Store>>);

#[derive(Debug, Default)]
struct Store {
    files: BTreeMap<String, Vec<u8>>,
    /// Paths and contents by id.
    uploads: BTreeMap<String, (String, Vec<u8>)>,
    number: u64,
}

impl MemoryPlace {
    fn store(&self) -> MutexGuard<'_, Store> {
        self.0.lock().unwrap()
    }
}

fn tag(content: &[u8]) -> Tag {
    Tag(sha256(content))
}

fn sha256(content: &[u8]) -> String {
    format!("{:x}", Sha256::digest(content))
}

#[async_trait]
impl Place for MemoryPlace {
    fn location(&self) -> String {
        "memory".to_owned()
    }

    async fn has_links(&self) -> Result<bool> {
        Ok(false)
    }

    async fn probe(&self, _folders: &[String]) -> Result<()> {
        Ok(())
    }

    async fn recover(&self) -> Result<()> {
        Ok(())
    }

    fn has_locks(&self) -> bool {
        false
    }

    async fn lock(&self) -> Result<Option<Lock>> {
        Ok(None)
    }

    async fn try_lock(&self) -> Result<Option<Lock>> {
        Ok(None)
    }

    async fn get(&self, path: &str) -> Result<Option<Object>> {
        let content = self.store().files.get(path).cloned();
        Ok(content.map(|content| Object {
            tag: tag(&content),
            content,
        }))
    }

    async fn tail(&self, path: &str, count: u64) -> Result<Option<Vec<u8>>> {
        let content = self.store().files.get(path).cloned();
        let from = |content: &Vec<u8>| {
            content
                .len()
                .saturating_sub(usize::try_from(count).unwrap())
        };
        Ok(content.map(|content| content[from(&content)..].to_vec()))
    }

    async fn read(&self, path: &str, range: Range<u64>) -> Result<Option<Vec<u8>>> {
        let content = self.store().files.get(path).cloned();
        Ok(content.map(|content| {
            let at = |end: u64| usize::try_from(end).unwrap().min(content.len());
            content[at(range.start)..at(range.end)].to_vec()
        }))
    }

    async fn digest(&self, path: &str) -> Result<Option<Digest>> {
        let content = self.store().files.get(path).cloned();
        Ok(content.map(|content| Digest {
            bytes: content.len() as u64,
            sha256: sha256(&content),
        }))
    }

    async fn put_new(&self, path: &str, content: Vec<u8>) -> Result<Put> {
        let mut store = self.store();
        if store.files.contains_key(path) {
            return Ok(Put::Taken);
        }
        store.files.insert(path.to_owned(), content);
        Ok(Put::Done)
    }

    async fn swap(&self, path: &str, expected: Option<&Tag>, content: Vec<u8>) -> Result<Put> {
        let mut store = self.store();
        if store.files.get(path).map(|there| tag(there)).as_ref() != expected {
            return Ok(Put::Taken);
        }
        store.files.insert(path.to_owned(), content);
        Ok(Put::Done)
    }

    async fn copy(&self, from: &str, to: &str) -> Result<()> {
        let mut store = self.store();
        let content = store.files.get(from).cloned().unwrap();
        store.files.insert(to.to_owned(), content);
        Ok(())
    }

    async fn list(&self, folder: &str) -> Result<Vec<String>> {
        let store = self.store();
        let is_below = |path: &&String| {
            path.strip_prefix(folder)
                .is_some_and(|rest| rest.starts_with('/'))
        };
        Ok(store.files.keys().filter(is_below).cloned().collect())
    }

    async fn delete(&self, path: &str) -> Result<()> {
        self.store().files.remove(path);
        Ok(())
    }

    async fn begin(&self, path: &str) -> Result<Box<dyn Upload>> {
        Ok(Box::new(MemoryUpload {
            place: self.clone(),
            path: path.to_owned(),
            id: None,
        }))
    }

    async fn discard(&self, _path: &str, id: &str) -> Result<()> {
        self.store().uploads.remove(id);
        Ok(())
    }

    async fn uploads(&self) -> Result<Vec<Unfinished>> {
        let store = self.store();
        let uploads = store.uploads.iter();
        let uploads = uploads.map(|(id, (path, _))| Unfinished {
            path: path.clone(),
            id: id.clone(),
        });
        Ok(uploads.collect())
    }

    async fn read_link(&self, path: &str) -> Result<Link> {
        let is_there = self.store().files.contains_key(path);
        Ok(if is_there { Link::File } else { Link::Absent })
    }

    async fn swap_link(&self, _path: &str, _expected: &Link, _target: &str) -> Result<Put> {
        panic!("there are no links");
    }
}

/// An upload that starts with the first write, like that of a file that became too large for one request.
struct MemoryUpload {
    place: MemoryPlace,
    path: String,
    id: Option<String>,
}

fn gone() -> Error {
    Error::new(Kind::Unavailable, "there is no such upload")
}

#[async_trait]
impl Upload for MemoryUpload {
    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    async fn write(&mut self, bytes: Vec<u8>) -> Result<()> {
        let mut store = self.place.store();
        let Some(id) = &self.id else {
            store.number += 1;
            let id = store.number.to_string();
            store.uploads.insert(id.clone(), (self.path.clone(), bytes));
            self.id = Some(id);
            return Ok(());
        };
        let (_, content) = store.uploads.get_mut(id).ok_or_else(gone)?;
        content.extend(bytes);
        Ok(())
    }

    async fn complete(self: Box<Self>) -> Result<()> {
        let mut store = self.place.store();
        let content = match &self.id {
            Some(id) => store.uploads.remove(id).ok_or_else(gone)?.1,
            None => Vec::new(),
        };
        store.files.insert(self.path.clone(), content);
        Ok(())
    }

    async fn discard(self: Box<Self>) -> Result<()> {
        match &self.id {
            Some(id) => self.place.discard(&self.path, id).await,
            None => Ok(()),
        }
    }
}
