//! What a place needs from a client of an object store.

use async_trait::async_trait;
use object_store::ObjectStore;
use object_store::multipart::MultipartStore;
use object_store::path::Path;

use crate::place::Unfinished;

/// A client of one bucket.
#[async_trait]
pub(super) trait Backend: Send + Sync {
    /// Requests for whole objects.
    fn objects(&self) -> &dyn ObjectStore;

    /// Uploads in parts, whose ids survive this process.
    fn uploads(&self) -> &dyn MultipartStore;

    /// The unfinished uploads below a prefix, with the names of their objects; or why they cannot be listed.
    async fn unfinished(&self, prefix: &Path) -> Result<Vec<Unfinished>, String>;
}
