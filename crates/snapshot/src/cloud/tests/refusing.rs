//! What a store refuses is not taken for a file that does not exist.

use std::fmt;

use futures_util::stream::{self, BoxStream};
use object_store::{
    CopyOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, PutMultipartOptions,
};

use super::*;

/// A store that answers every request with the same error.
#[derive(Clone, Debug)]
struct Refusing(fn() -> StoreError);

impl fmt::Display for Refusing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("refusing")
    }
}

#[async_trait]
impl ObjectStore for Refusing {
    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> StoreResult<PutResult> {
        Err(self.0())
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> StoreResult<Box<dyn MultipartUpload>> {
        Err(self.0())
    }

    async fn get_opts(&self, _: &Path, _: GetOptions) -> StoreResult<GetResult> {
        Err(self.0())
    }

    fn delete_stream(
        &self,
        _: BoxStream<'static, StoreResult<Path>>,
    ) -> BoxStream<'static, StoreResult<Path>> {
        stream::iter([Err(self.0())]).boxed()
    }

    fn list(&self, _: Option<&Path>) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        stream::iter([Err(self.0())]).boxed()
    }

    async fn list_with_delimiter(&self, _: Option<&Path>) -> StoreResult<ListResult> {
        Err(self.0())
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> StoreResult<()> {
        Err(self.0())
    }
}

struct Refused(Refusing, Memory);

#[async_trait]
impl Backend for Refused {
    fn objects(&self) -> &dyn ObjectStore {
        &self.0
    }

    fn uploads(&self) -> &dyn MultipartStore {
        &self.1
    }

    async fn unfinished(&self, prefix: &Path) -> Result<Vec<Unfinished>, String> {
        self.1.unfinished(prefix).await
    }
}

fn place(error: fn() -> StoreError) -> CloudPlace {
    place_in(Refused(Refusing(error), Memory::default()))
}

fn denied() -> StoreError {
    StoreError::PermissionDenied {
        path: "x".to_owned(),
        source: "status code: 403 Forbidden: ".into(),
    }
}

fn no_bucket() -> StoreError {
    StoreError::NotFound {
        path: "x".to_owned(),
        source: "status code: 404 Not Found: <Code>NoSuchBucket</Code>".into(),
    }
}

fn absent() -> StoreError {
    StoreError::NotFound {
        path: "x".to_owned(),
        source: "status code: 404 Not Found: <Code>NoSuchKey</Code>".into(),
    }
}

#[tokio::test]
async fn a_request_that_is_refused_is_an_error() {
    for error in [denied, no_bucket] {
        let place = place(error);
        let failures = [
            place.get("t/f").await.err(),
            place.read("t/f", 0..4).await.err(),
            place.tail("t/f", 4).await.err(),
            place.digest("t/f").await.err(),
            place.list("t").await.err(),
            place.copy("t/f", "t/g").await.err(),
            place.delete("t/f").await.err(),
            place.probe(&[]).await.err(),
            place.recover().await.err(),
        ];
        for (number, failure) in failures.into_iter().enumerate() {
            assert_eq!(
                failure.map(|error| error.kind()),
                Some(Kind::Config),
                "{number}"
            );
        }
    }
}

#[tokio::test]
async fn a_file_that_does_not_exist_is_no_error() {
    let place = place(absent);
    assert_eq!(place.get("t/f").await.unwrap(), None);
    assert_eq!(place.read("t/f", 0..4).await.unwrap(), None);
    assert_eq!(place.tail("t/f", 4).await.unwrap(), None);
    assert_eq!(place.digest("t/f").await.unwrap(), None);
    place.delete("t/f").await.unwrap();
}
