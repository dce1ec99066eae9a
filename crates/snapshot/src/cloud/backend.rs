//! What a place needs from an object store: a provider knows how to reach it, a backend is a client.

use async_trait::async_trait;
use fortilake_sink::Result;
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{ClientOptions, ObjectMeta, ObjectStore, RetryConfig};

use crate::place::Unfinished;

/// Where a bucket is and how to sign in.
pub(super) trait Provider {
    /// Whether requests are plain HTTP. Then the user has allowed it, or the server is on this machine.
    fn is_plain(&self) -> bool;

    /// The server for messages.
    fn server(&self) -> String;

    /// A client.
    fn connect(&self, http: &ClientOptions, retries: RetryConfig) -> Result<Box<dyn Backend>>;
}

/// A client of one bucket.
#[async_trait]
pub(super) trait Backend: Send + Sync {
    /// Requests for whole objects.
    fn objects(&self) -> &dyn ObjectStore;

    /// Uploads in parts, whose ids survive this process.
    fn uploads(&self) -> &dyn MultipartStore;

    /// The unfinished uploads below a prefix, with the names of their objects; or why they cannot be listed.
    async fn unfinished(&self, prefix: &Path) -> Result<Vec<Unfinished>, String>;

    /// The tag that stands for an object's content in conditional requests.
    fn tag(&self, object: &ObjectMeta) -> Option<String> {
        object.e_tag.clone()
    }
}
