//! Stores with one defect each: the probe names it, and an upload survives it or fails.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::TryStreamExt as _;
use futures_util::stream::{self, BoxStream};
use object_store::{
    CopyOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, PutMode, PutMultipartOptions,
};

use super::*;

/// What a store does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Defect {
    /// It replaces a file that should only be created.
    IgnoresExisting,
    /// It replaces a file that has changed.
    IgnoresChanges,
    /// It says of a new file that it exists.
    KnowsNewFiles,
    /// It says of every file that it has changed.
    SeesChanges,
    /// A list lacks the newest file.
    ListsLate,
    /// Uploads cannot be discarded without a further permission.
    ForbidsDiscarding,
    /// Every file is two hours old.
    AgesFiles,
    /// The same, and files cannot be deleted.
    ForbidsDeleting,
    /// The same, but another process deletes each file first.
    LosesFiles,
    /// The response to the first request that completes a file is lost.
    LosesResponse,
    /// The first request that completes a file is lost.
    LosesRequest,
    /// The first part of an upload is lost.
    LosesPart,
}

#[derive(Clone)]
struct Defective {
    memory: Memory,
    defect: Defect,
    /// Whether the request was lost already.
    is_lost: Arc<AtomicBool>,
}

impl Defective {
    /// Whether this request is the one that gets lost.
    fn loses(&self, defect: Defect) -> bool {
        self.defect == defect && !self.is_lost.swap(true, Ordering::Relaxed)
    }
}

impl fmt::Debug for Defective {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.defect)
    }
}

impl fmt::Display for Defective {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.defect)
    }
}

fn lost() -> StoreError {
    StoreError::Generic {
        store: "S3",
        source: "connection reset".into(),
    }
}

fn forbidden(path: &Path) -> StoreError {
    StoreError::PermissionDenied {
        path: path.to_string(),
        source: "status code: 403 Forbidden: ".into(),
    }
}

#[async_trait]
impl ObjectStore for Defective {
    async fn put_opts(
        &self,
        path: &Path,
        payload: PutPayload,
        mut options: PutOptions,
    ) -> StoreResult<PutResult> {
        let path_of_error = path.to_string();
        match (self.defect, &options.mode) {
            (Defect::IgnoresExisting, PutMode::Create)
            | (Defect::IgnoresChanges, PutMode::Update(_)) => options.mode = PutMode::Overwrite,
            (Defect::KnowsNewFiles, PutMode::Create) => {
                return Err(StoreError::AlreadyExists {
                    path: path_of_error,
                    source: "exists".into(),
                });
            }
            (Defect::SeesChanges, PutMode::Update(_)) => {
                return Err(StoreError::Precondition {
                    path: path_of_error,
                    source: "changed".into(),
                });
            }
            _ => {}
        }
        if self.loses(Defect::LosesRequest) {
            return Err(lost());
        }
        let put = self.memory.store.put_opts(path, payload, options).await;
        if self.loses(Defect::LosesResponse) {
            return Err(lost());
        }
        put
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> StoreResult<Box<dyn MultipartUpload>> {
        self.memory.store.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> StoreResult<GetResult> {
        self.memory.store.get_opts(path, options).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, StoreResult<Path>>,
    ) -> BoxStream<'static, StoreResult<Path>> {
        if self.defect == Defect::ForbidsDeleting {
            return stream::iter([Err(forbidden(&Path::from("x")))]).boxed();
        }
        if self.defect == Defect::LosesFiles {
            return paths.map(|path| Err(no_upload(&path?))).boxed();
        }
        self.memory.store.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        if self.defect == Defect::ListsLate {
            return stream::iter([]).boxed();
        }
        let listed = self.memory.store.list(prefix);
        if !matches!(
            self.defect,
            Defect::AgesFiles | Defect::ForbidsDeleting | Defect::LosesFiles
        ) {
            return listed;
        }
        let aged = listed.map_ok(|mut found| {
            found.last_modified -= Duration::from_hours(2);
            found
        });
        aged.boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> StoreResult<ListResult> {
        self.memory.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> StoreResult<()> {
        self.memory.store.copy_opts(from, to, options).await
    }
}

#[async_trait]
impl MultipartStore for Defective {
    async fn create_multipart(&self, path: &Path) -> StoreResult<MultipartId> {
        self.memory.create_multipart(path).await
    }

    async fn put_part(
        &self,
        path: &Path,
        id: &MultipartId,
        number: usize,
        data: PutPayload,
    ) -> StoreResult<PartId> {
        if self.loses(Defect::LosesPart) {
            return Err(lost());
        }
        self.memory.put_part(path, id, number, data).await
    }

    async fn complete_multipart(
        &self,
        path: &Path,
        id: &MultipartId,
        parts: Vec<PartId>,
    ) -> StoreResult<PutResult> {
        if self.loses(Defect::LosesRequest) {
            return Err(lost());
        }
        let completed = self.memory.complete_multipart(path, id, parts).await;
        if self.loses(Defect::LosesResponse) {
            return Err(lost());
        }
        completed
    }

    async fn abort_multipart(&self, path: &Path, id: &MultipartId) -> StoreResult<()> {
        if self.defect == Defect::ForbidsDiscarding {
            return Err(forbidden(path));
        }
        self.memory.abort_multipart(path, id).await
    }
}

#[async_trait]
impl Backend for Defective {
    fn objects(&self) -> &dyn ObjectStore {
        self
    }

    fn uploads(&self) -> &dyn MultipartStore {
        self
    }

    async fn unfinished(&self, prefix: &Path) -> Result<Vec<Unfinished>, String> {
        self.memory.unfinished(prefix).await
    }
}

fn place(memory: &Memory, defect: Defect) -> CloudPlace {
    place_in(Defective {
        memory: memory.clone(),
        defect,
        is_lost: Arc::default(),
    })
}

/// The ids of the uploads that were started and not ended.
fn open_uploads(memory: &Memory) -> Vec<String> {
    memory.uploads.lock().unwrap().keys().cloned().collect()
}

/// The content of the file that the tests write.
async fn content(memory: &Memory) -> Option<Vec<u8>> {
    let object = memory.place().get("t/f").await.unwrap();
    object.map(|object| object.content)
}

#[tokio::test]
async fn a_probe_names_what_a_store_does_wrong() {
    for (defect, kind, wanted) in [
        (
            Defect::IgnoresExisting,
            Kind::Config,
            "the store ignores the condition to create a file only if it does not exist",
        ),
        (
            Defect::IgnoresChanges,
            Kind::Config,
            "the store ignores the condition to replace a file only if it is unchanged",
        ),
        (
            Defect::KnowsNewFiles,
            Kind::Unavailable,
            "a new file already exists",
        ),
        (
            Defect::SeesChanges,
            Kind::Unavailable,
            "a file was changed by another process",
        ),
        (
            Defect::ListsLate,
            Kind::Config,
            "a list of files lacks one that was just created",
        ),
        (
            Defect::ForbidsDiscarding,
            Kind::Config,
            "cannot discard uploads in `s3://bucket/lake/fortinet` (memory)",
        ),
        (
            Defect::ForbidsDeleting,
            Kind::Config,
            "cannot delete files in `s3://bucket/lake/fortinet` (memory)",
        ),
    ] {
        let memory = Memory::default();
        let error = place(&memory, defect).probe(&[]).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{defect:?}");
        let source = std::error::Error::source(&error).map(ToString::to_string);
        let text = format!("{error}: {}", source.unwrap_or_default());
        assert!(text.contains(wanted), "{defect:?}: {text}");
        let left = memory.place().list("_fortilake/probes").await.unwrap();
        let is_left = defect == Defect::ForbidsDeleting;
        assert_eq!(left.is_empty(), !is_left, "{defect:?}: {left:?}");
    }
}

#[tokio::test]
async fn a_probe_whose_file_is_gone_is_no_failure() {
    let memory = Memory::default();
    place(&memory, Defect::LosesFiles).probe(&[]).await.unwrap();
}

#[tokio::test]
async fn what_a_dead_probe_left_is_deleted_after_an_hour() {
    let memory = Memory::default();
    let left = async || {
        let listed = memory.place().list("_fortilake/probes").await;
        listed.unwrap().len()
    };
    let probe = place(&memory, Defect::ForbidsDeleting);
    probe.probe(&[]).await.unwrap_err();
    assert_eq!(left().await, 1);
    memory.place().recover().await.unwrap();
    assert_eq!(left().await, 1, "the file is new");
    let error = probe.recover().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Config);
    place(&memory, Defect::LosesFiles).recover().await.unwrap();
    place(&memory, Defect::AgesFiles).recover().await.unwrap();
    assert_eq!(left().await, 0);
}

/// Writes a file in pieces, and completes it.
async fn write(place: &CloudPlace, pieces: &[&[u8]]) -> Result<(), fortilake_sink::Error> {
    let mut upload = place.begin("t/f").await?;
    for piece in pieces {
        upload.write(piece.to_vec()).await?;
    }
    upload.complete().await
}

#[tokio::test]
async fn a_lost_response_is_no_failure_and_a_lost_request_is_one() {
    // The first is one request; the others are uploads in parts of four bytes.
    for pieces in [
        &[b"abc".as_slice()][..],
        &[b"abcdefgh", b"ij"],
        &[b"a", b"bcdefghijklmnopq"],
    ] {
        let memory = Memory::default();
        let found = write(&place(&memory, Defect::LosesResponse), pieces).await;
        found.unwrap();
        assert_eq!(content(&memory).await, Some(pieces.concat()));

        let memory = Memory::default();
        let lost = write(&place(&memory, Defect::LosesRequest), pieces).await;
        assert_eq!(lost.unwrap_err().kind(), Kind::Unavailable);
        assert_eq!(content(&memory).await, None);
    }
}

#[tokio::test]
async fn another_file_of_this_name_is_not_taken_for_our_own() {
    let memory = Memory::default();
    write(&memory.place(), &[b"abcd"]).await.unwrap();
    let error = write(&memory.place(), &[b"ab"]).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("there is another file of this name"),
        "{text}"
    );
    assert_eq!(content(&memory).await, Some(b"abcd".to_vec()));
}

#[tokio::test]
async fn an_upload_that_loses_a_part_is_discarded() {
    let memory = Memory::default();
    // The last write leaves the part to `complete`.
    let error = write(&place(&memory, Defect::LosesPart), &[b"abcdef"]).await;
    assert_eq!(error.unwrap_err().kind(), Kind::Unavailable);
    assert_eq!(open_uploads(&memory), [""; 0]);
    assert_eq!(content(&memory).await, None);
}

#[tokio::test]
async fn an_upload_that_cannot_be_discarded_is_an_error() {
    let memory = Memory::default();
    let place = place(&memory, Defect::ForbidsDiscarding);
    let mut upload = place.begin("t/f").await.unwrap();
    upload.write(b"abcd".to_vec()).await.unwrap();
    let error = upload.discard().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Config);
    assert_eq!(open_uploads(&memory).len(), 1);
}

#[tokio::test]
async fn a_write_after_a_failed_one_is_an_error() {
    let memory = Memory::default();
    let place = place(&memory, Defect::LosesPart);
    let mut upload = place.begin("t/f").await.unwrap();
    upload.write(b"abcdef".to_vec()).await.unwrap();
    let id = upload.id().unwrap().to_owned();
    assert_eq!(open_uploads(&memory), [id]);
    upload.write(b"gh".to_vec()).await.unwrap_err();
    let error = upload.write(b"gh".to_vec()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Internal);
    upload.discard().await.unwrap();
    assert_eq!(open_uploads(&memory), [""; 0]);
}
