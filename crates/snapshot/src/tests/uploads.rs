//! The recorded ids of uploads, by which those of a dead process are found where uploads cannot be listed.

use super::*;
use crate::uploads;

#[tokio::test]
async fn uploads_of_a_dead_process_are_discarded_by_their_recorded_ids() {
    let place: Arc<dyn Place> = Arc::new(MemoryPlace::default());
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let path = |table: &str, name: &str| format!("{table}/snapshot={name}/part-00000.txt");
    let other = path("apples", SECOND);
    for path in [path("apples", FIRST), path("pears", FIRST), other.clone()] {
        let mut upload = uploads::begin(place.as_ref(), &store, &path).await.unwrap();
        upload.write(b"one\n".to_vec()).await.unwrap();
        upload.write(b"two\n".to_vec()).await.unwrap();
        let there = place.uploads().await.unwrap();
        let id = there.iter().find(|upload| upload.path == path);
        assert_eq!(upload.id(), id.map(|upload| upload.id.as_str()));
        // The process dies here: the upload is neither completed nor discarded.
    }
    // Another crawl may be uploading the other snapshot now.
    for (name, left) in [(FIRST, vec![other]), (SECOND, vec![])] {
        uploads::discard(place.as_ref(), store.as_ref(), name)
            .await
            .unwrap();
        let there = place.uploads().await.unwrap().into_iter();
        assert_eq!(there.map(|upload| upload.path).collect::<Vec<_>>(), left);
        assert_eq!(store.keys("").await.unwrap().len(), left.len());
    }
}
