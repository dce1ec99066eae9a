//! Tests of places on object stores, against a store in memory.

use std::collections::BTreeMap;
use std::sync::Mutex;

use object_store::memory::InMemory;
use object_store::multipart::{MultipartStore, PartId};
use object_store::{
    Error as StoreError, MultipartId, ObjectStore, PutPayload, PutResult, Result as StoreResult,
};

use super::*;

mod defects;
mod refusing;
mod requests;
mod settings;

/// A place in a store. Files of four bytes or more are uploaded in parts.
fn place_in(backend: impl Backend + 'static) -> CloudPlace {
    CloudPlace {
        inner: Arc::new(Inner {
            backend: Box::new(backend),
            hasty: None,
            root: "lake/fortinet".to_owned(),
            location: "s3://bucket/lake/fortinet".to_owned(),
            server: "memory".to_owned(),
            part: 4,
        }),
    }
}

/// A store in memory that several places share, with the uploads that were started and not ended.
#[derive(Clone, Default)]
pub(crate) struct Memory {
    store: Arc<InMemory>,
    uploads: Arc<Mutex<BTreeMap<String, String>>>,
    /// The size of each part that was sent.
    parts: Arc<Mutex<Vec<usize>>>,
}

impl Memory {
    /// A place in the store, as a new process would open it.
    pub(crate) fn place(&self) -> CloudPlace {
        place_in(self.clone())
    }
}

#[async_trait]
impl Backend for Memory {
    fn objects(&self) -> &dyn ObjectStore {
        self.store.as_ref()
    }

    fn uploads(&self) -> &dyn MultipartStore {
        self
    }

    async fn unfinished(&self, prefix: &Path) -> Result<Vec<Unfinished>, String> {
        let uploads = self.uploads.lock().unwrap();
        let uploads = uploads
            .iter()
            .filter(|(_, path)| path.starts_with(prefix.as_ref()));
        let uploads = uploads.map(|(id, path)| Unfinished {
            path: path.clone(),
            id: id.clone(),
        });
        Ok(uploads.collect())
    }
}

/// Like the library's store, but it answers as S3 does if there is no such upload.
#[async_trait]
impl MultipartStore for Memory {
    async fn create_multipart(&self, path: &Path) -> StoreResult<MultipartId> {
        let id = self.store.create_multipart(path).await?;
        self.uploads
            .lock()
            .unwrap()
            .insert(id.clone(), path.to_string());
        Ok(id)
    }

    async fn put_part(
        &self,
        path: &Path,
        id: &MultipartId,
        number: usize,
        data: PutPayload,
    ) -> StoreResult<PartId> {
        self.parts.lock().unwrap().push(data.content_length());
        let sent = self.store.put_part(path, id, number, data).await;
        sent.map_err(|_| no_upload(path))
    }

    async fn complete_multipart(
        &self,
        path: &Path,
        id: &MultipartId,
        parts: Vec<PartId>,
    ) -> StoreResult<PutResult> {
        let completed = self.store.complete_multipart(path, id, parts).await;
        self.uploads.lock().unwrap().remove(id);
        completed.map_err(|_| no_upload(path))
    }

    async fn abort_multipart(&self, path: &Path, id: &MultipartId) -> StoreResult<()> {
        self.uploads.lock().unwrap().remove(id);
        let aborted = self.store.abort_multipart(path, id).await;
        aborted.map_err(|_| no_upload(path))
    }
}

fn no_upload(path: &Path) -> StoreError {
    StoreError::NotFound {
        path: path.to_string(),
        source: "no such upload".into(),
    }
}

#[tokio::test]
async fn conditional_writes_are_kept_apart() {
    let place = Memory::default().place();
    let path = "_fortilake/latest.json";
    assert_eq!(place.get(path).await.unwrap(), None);
    let swap = async |tag: Option<&Tag>, content: &[u8]| {
        place.swap(path, tag, content.to_vec()).await.unwrap()
    };
    assert_eq!(swap(None, b"one").await, Put::Done);
    assert_eq!(swap(None, b"two").await, Put::Taken);
    let one = place.get(path).await.unwrap().unwrap().tag;
    assert_eq!(swap(Some(&one), b"two").await, Put::Done);
    assert_eq!(swap(Some(&one), b"three").await, Put::Taken);
    assert_eq!(place.get(path).await.unwrap().unwrap().content, b"two");
    assert_eq!(place.list("_fortilake").await.unwrap(), [path]);
    place.delete(path).await.unwrap();
    place.delete(path).await.unwrap();
    assert_eq!(swap(Some(&one), b"four").await, Put::Taken);
}

#[tokio::test]
async fn a_file_is_seen_when_it_is_complete_whatever_its_size() {
    let memory = Memory::default();
    let place = memory.place();
    for (number, writes) in [
        (0, vec!["", ""]),
        (1, vec!["abc"]),
        (2, vec!["abcd", ""]),
        (3, vec!["abcdefghij", "k", "lmnop"]),
        (4, vec!["ab", "cd", "ef", "gh"]),
    ] {
        let path = format!("t/snapshot=X/part-{number}.txt");
        let mut upload = place.begin(&path).await.unwrap();
        for bytes in &writes {
            upload.write(bytes.as_bytes().to_vec()).await.unwrap();
        }
        let whole = writes.concat();
        assert_eq!(upload.id().is_some(), whole.len() >= 4, "{writes:?}");
        assert_eq!(place.digest(&path).await.unwrap(), None);
        upload.complete().await.unwrap();
        let found = place.get(&path).await.unwrap().unwrap();
        assert_eq!(found.content, whole.as_bytes());
        let digest = place.digest(&path).await.unwrap().unwrap();
        assert_eq!(digest.bytes, whole.len() as u64);
    }
    assert_eq!(place.uploads().await.unwrap(), []);
}

#[tokio::test]
async fn all_parts_but_the_last_have_the_same_size() {
    for (writes, wanted) in [
        (vec!["abcdefghij", "k", "lmnop"], vec![4, 4, 4, 4]),
        (vec!["a", "bcdefghij", "k"], vec![4, 4, 3]),
        (vec!["abcd", "e"], vec![4, 1]),
    ] {
        let memory = Memory::default();
        let mut upload = memory.place().begin("t/f").await.unwrap();
        for bytes in &writes {
            upload.write(bytes.as_bytes().to_vec()).await.unwrap();
        }
        upload.complete().await.unwrap();
        assert_eq!(*memory.parts.lock().unwrap(), wanted, "{writes:?}");
    }
}

#[tokio::test]
async fn a_part_of_a_file_is_read() {
    let place = Memory::default().place();
    let content = b"abcdefghij".to_vec();
    place.put_new("t/f", content).await.unwrap();
    for (range, wanted) in [(0..4, "abcd"), (4..10, "efghij"), (8..20, "ij")] {
        let found = place.read("t/f", range).await.unwrap().unwrap();
        assert_eq!(found, wanted.as_bytes());
    }
    assert_eq!(place.read("t/other", 0..4).await.unwrap(), None);
    assert_eq!(place.tail("t/f", 3).await.unwrap().unwrap(), b"hij");
    assert_eq!(place.tail("t/other", 3).await.unwrap(), None);
}

#[tokio::test]
async fn a_place_is_named_and_copies_files() {
    let place = Memory::default().place();
    let location = "s3://bucket/lake/fortinet";
    assert_eq!(place.location(), location);
    assert_eq!(format!("{place:?}"), format!("CloudPlace({location})"));
    assert!(!place.has_locks() && !place.has_links().await.unwrap());
    place.put_new("t/f", b"one".to_vec()).await.unwrap();
    place.copy("t/f", "t/g").await.unwrap();
    assert_eq!(place.list("t").await.unwrap(), ["t/f", "t/g"]);
}

#[tokio::test]
async fn an_upload_of_a_dead_process_is_listed_and_discarded() {
    let memory = Memory::default();
    let mut upload = memory.place().begin("t/f").await.unwrap();
    upload.write(b"abcdef".to_vec()).await.unwrap();
    let id = upload.id().unwrap().to_owned();
    drop(upload);
    let place = memory.place();
    let left = place.uploads().await.unwrap();
    assert_eq!((left[0].path.as_str(), &left[0].id), ("t/f", &id));
    place.discard("t/f", &id).await.unwrap();
    place.discard("t/f", &id).await.unwrap();
    assert_eq!(place.uploads().await.unwrap(), []);
}

#[tokio::test]
async fn a_repeated_request_to_complete_a_file_is_no_failure() {
    let memory = Memory::default();
    let place = memory.place();
    for content in ["ab", "abcdefgh"] {
        let path = format!("t/part-{}", content.len());
        let mut upload = place.begin(&path).await.unwrap();
        upload.write(content.as_bytes().to_vec()).await.unwrap();
        // An earlier try took effect, and its response was lost.
        let object = place.inner.object(&path).unwrap();
        memory.objects().put(&object, content.into()).await.unwrap();
        if let Some(id) = upload.id() {
            place.discard(&path, id).await.unwrap();
        }
        let completed = upload.complete().await;
        // Parts cannot be sent to an upload that is gone, so only a file without parts left to send is whole.
        assert_eq!(completed.is_ok(), content.len() == 2, "{content}");
    }
}

#[tokio::test]
async fn a_probe_leaves_nothing_and_removes_only_old_ones() {
    let memory = Memory::default();
    let place = memory.place();
    place.probe(&[]).await.unwrap();
    assert!(place.list("_fortilake").await.unwrap().is_empty());
    let path = "_fortilake/probes/0123456789ab";
    place.put_new(path, b"x".to_vec()).await.unwrap();
    place.recover().await.unwrap();
    assert_eq!(place.list("_fortilake").await.unwrap(), [path]);
}

#[test]
fn paths_stay_inside_the_place() {
    let place = Memory::default().place();
    for path in ["../x", "a//b", "a/./b", "a/../../b"] {
        let error = place.inner.object(path).unwrap_err();
        assert_eq!(error.kind(), Kind::Config);
        let wanted = format!("`{path}` is not a path inside `s3://bucket/lake/fortinet`");
        assert_eq!(error.to_string(), wanted);
    }
    assert_eq!(
        place.inner.relative("lake/fortinet/a/b").as_deref(),
        Some("a/b")
    );
    assert_eq!(place.inner.relative("lake/fortinet2/a"), None);
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is a table of responses")]
fn answers_are_explained_without_what_they_repeat_of_the_request() {
    let answer = |status: &str, code: &str| {
        format!(
            "Error performing PUT https://s3/bucket/x in 3ms - Server returned non-2xx status code: {status}: <?xml?>\
             <Error><Code>{code}</Code><Message>What\n it says</Message><CanonicalRequest>hunter2</CanonicalRequest></Error>"
        )
    };
    let generic = |text: String| StoreError::Generic {
        store: "S3",
        source: text.into(),
    };
    let denied = |text: String| StoreError::PermissionDenied {
        path: "x".to_owned(),
        source: text.into(),
    };
    for (error, wanted) in [
        (
            denied(answer("403 Forbidden", "AccessDenied")),
            (
                Kind::Config,
                "the credentials do not permit this (AccessDenied: What it says)",
            ),
        ),
        (
            denied(answer("403 Forbidden", "SignatureDoesNotMatch")),
            (
                Kind::Config,
                "the credentials are not valid (SignatureDoesNotMatch: What it says)",
            ),
        ),
        (
            denied("Server returned non-2xx status code: 403 Forbidden: hunter2".to_owned()),
            (
                Kind::Config,
                "the credentials do not permit this (HTTP 403 Forbidden)",
            ),
        ),
        (
            StoreError::NotFound {
                path: "x".to_owned(),
                source: answer("404 Not Found", "NoSuchBucket").into(),
            },
            (Kind::Config, "the bucket does not exist"),
        ),
        (
            generic(answer("400 Bad Request", "AuthorizationHeaderMalformed")),
            (
                Kind::Config,
                "the region is wrong; check option `region` (AuthorizationHeaderMalformed: What it says)",
            ),
        ),
        (
            generic("Received redirect without LOCATION, this normally".to_owned()),
            (
                Kind::Config,
                "the server sent a redirect without a location; check option `region`",
            ),
        ),
        (
            generic(answer("503 Service Unavailable", "SlowDown")),
            (Kind::Unavailable, "SlowDown: What it says"),
        ),
        (
            generic(
                "Error performing PUT http://169.254.169.254/latest/api/token in 1s".to_owned(),
            ),
            (
                Kind::Config,
                "there are no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            ),
        ),
        (
            generic("connection refused".to_owned()),
            (Kind::Unavailable, "connection refused"),
        ),
        (
            StoreError::NotFound {
                path: "x".to_owned(),
                source: answer("404 Not Found", "ContainerNotFound").into(),
            },
            (Kind::Config, "the container does not exist"),
        ),
        (
            denied(answer("403 Forbidden", "AuthenticationFailed")),
            (
                Kind::Config,
                "the credentials are not valid (AuthenticationFailed: What it says)",
            ),
        ),
        (
            StoreError::Generic {
                store: "MicrosoftAzure",
                source: "Error performing GET http://169.254.169.254/metadata/identity in 1s"
                    .into(),
            },
            (
                Kind::Config,
                "there are no credentials; set AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN",
            ),
        ),
        (
            generic(
                "status code: 401 Unauthorized: {\"error_description\":\"AADSTS7000215: hunter2\"}"
                    .to_owned(),
            ),
            (
                Kind::Config,
                "the credentials are not valid (HTTP 401 Unauthorized)",
            ),
        ),
        (
            generic(answer("507 Insufficient Storage", "XMinioStorageFull")),
            (
                Kind::Full,
                "the store is full (XMinioStorageFull: What it says)",
            ),
        ),
        (
            StoreError::Unauthenticated {
                path: "x".to_owned(),
                source: "status code: 401 Unauthorized: hunter2".into(),
            },
            (
                Kind::Config,
                "the credentials are not valid (HTTP 401 Unauthorized)",
            ),
        ),
        (
            StoreError::NotSupported {
                source: "hunter2".into(),
            },
            (Kind::Config, "the store does not support this"),
        ),
        (
            StoreError::InvalidPath {
                source: object_store::path::Error::EmptySegment {
                    path: "hunter2".to_owned(),
                },
            },
            (Kind::Config, "the name is not allowed"),
        ),
        (
            StoreError::Generic {
                store: "GCS",
                source: "Error performing GET http://169.254.169.254/computeMetadata in 1s".into(),
            },
            (
                Kind::Config,
                "there are no credentials; set GOOGLE_APPLICATION_CREDENTIALS",
            ),
        ),
    ] {
        let (kind, reason) = error::explain(&error);
        assert_eq!((kind, reason.as_str()), wanted);
        let error = failed("write", "s3://bucket/x", &error);
        assert!(!format!("{error:?}").contains("hunter2"));
    }
}

#[test]
fn unfinished_uploads_are_read_page_by_page() {
    let text = "<?xml version=\"1.0\"?><ListMultipartUploadsResult><Bucket>b</Bucket><KeyMarker></KeyMarker>\
        <NextKeyMarker>a&amp;b</NextKeyMarker><NextUploadIdMarker>2</NextUploadIdMarker><IsTruncated>true</IsTruncated>\
        <Upload><Key>lake/x</Key><UploadId>1</UploadId></Upload>\
        <Upload><Key>a&amp;lt;b</Key><UploadId>2</UploadId></Upload></ListMultipartUploadsResult>";
    let page = unfinished::read(text);
    assert_eq!(page.next, Some(("a&b".to_owned(), "2".to_owned())));
    let found: Vec<_> = page
        .uploads
        .iter()
        .map(|upload| (upload.path.as_str(), upload.id.as_str()))
        .collect();
    assert_eq!(found, [("lake/x", "1"), ("a&lt;b", "2")]);
    let last = text.replace("true", "false");
    assert_eq!(unfinished::read(&last).next, None);
}
