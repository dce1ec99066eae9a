//! Tests of writing, listing and reading dead letters.

use super::*;
use crate::sender::Reason;

const URL: &str = "https://example.com/hook";

const FIRST: &str = "msg_c-00000000000000000000000000000000-9";
const SECOND: &str = "msg_c-00000000000000000000000000000000-10";
const SUMMARY: &str = "msg_c-00000000000000000000000000000000-summary";

fn message(id: &str, body: &'static str) -> Message {
    let id = Id::parse(id).unwrap();
    let position = Position {
        scope: "acme/products.list/account=7".to_owned(),
        table: "products".to_owned(),
        first_row: 3,
    };
    Message {
        position: (!id.is_summary()).then_some(position),
        id,
        edition: "c.1".to_owned(),
        content_type: "application/json".to_owned(),
        body: Bytes::from_static(body.as_bytes()),
        rows: 3,
        attempts: 0,
    }
}

fn failure() -> DeliveryFailure {
    DeliveryFailure {
        reason: Reason::Refused,
        cause: "the receiver returned 400 Bad Request".to_owned(),
        answer: Some("no such table".to_owned()),
        attempts: 2,
    }
}

fn dead_letters() -> (tempfile::TempDir, DeadLetters) {
    let folder = tempfile::tempdir().unwrap();
    let dead_letters = DeadLetters::new(folder.path().join("dead/host"), URL.to_owned());
    (folder, dead_letters)
}

#[test]
fn a_letter_is_read_back_to_the_byte() {
    let (_folder, dead_letters) = dead_letters();
    let body = "{\"a\":\"\\u0000\\n漢 \u{2028}\"}";
    let sent = message(FIRST, body);
    dead_letters
        .keep(&sent, &failure(), Timestamp::UNIX_EPOCH)
        .unwrap();
    let read = dead_letters.read(sent.id.clone()).unwrap();
    assert_eq!(read.body, body);
    assert_eq!((read.rows, read.attempts), (3, 2));
    assert_eq!(read.content_type, sent.content_type);
    assert_eq!((read.edition, read.position), (sent.edition, sent.position));

    let text = fs::read_to_string(dead_letters.folder().join(format!("{FIRST}.json"))).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["id"], FIRST);
    assert_eq!(value["url"], URL);
    assert_eq!(value["cause"], "the receiver returned 400 Bad Request");
    assert_eq!(value["failed_at"], "1970-01-01T00:00:00Z");
    assert_eq!(value["headers"]["webhook-id"], FIRST);
    assert_eq!(value["answer"], "no such table");
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_a_letter() {
    use std::os::unix::fs::PermissionsExt as _;

    let (_folder, dead_letters) = dead_letters();
    let sent = message(FIRST, "{}");
    // A leftover temporary file must not pass its permissions on to the letter.
    fs::create_dir_all(dead_letters.folder()).unwrap();
    fs::set_permissions(dead_letters.folder(), fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(dead_letters.folder().join(format!("{FIRST}.tmp")), "other").unwrap();
    dead_letters
        .keep(&sent, &failure(), Timestamp::UNIX_EPOCH)
        .unwrap();
    dead_letters
        .keep(&sent, &failure(), Timestamp::UNIX_EPOCH)
        .unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dead_letters.path(&sent.id)), 0o600);
    let names: Vec<_> = fs::read_dir(dead_letters.folder()).unwrap().collect();
    assert_eq!(names.len(), 1, "{names:?}");

    let (_folder, dead_letters) = self::dead_letters();
    dead_letters
        .keep(&sent, &failure(), Timestamp::UNIX_EPOCH)
        .unwrap();
    assert_eq!(mode(dead_letters.folder()), 0o700);
}

#[test]
fn letters_are_listed_in_order_and_other_files_left_alone() {
    let (_folder, dead_letters) = dead_letters();
    assert!(dead_letters.list().unwrap().ids.is_empty());
    for id in [SUMMARY, SECOND, FIRST] {
        dead_letters
            .keep(&message(id, "{}"), &failure(), Timestamp::UNIX_EPOCH)
            .unwrap();
    }
    let bak = format!("{FIRST}.json.bak");
    for name in ["notes.json", "msg_c-t-1-0.tmp", &bak] {
        fs::write(dead_letters.folder().join(name), "{}").unwrap();
    }
    let ids = || -> Vec<String> {
        let listing = dead_letters.list().unwrap();
        assert!(listing.error().is_none());
        listing.ids.iter().map(ToString::to_string).collect()
    };
    assert_eq!(ids(), [FIRST, SECOND, SUMMARY]);
    dead_letters.remove(&Id::parse(SECOND).unwrap()).unwrap();
    dead_letters.remove(&Id::parse(SECOND).unwrap()).unwrap();
    assert_eq!(ids(), [FIRST, SUMMARY]);
}

#[test]
fn a_letter_of_another_version_is_reported_by_its_path() {
    let (_folder, dead_letters) = dead_letters();
    fs::create_dir_all(dead_letters.folder()).unwrap();
    let path = dead_letters.folder().join("msg_c-products-0-0.json");
    fs::write(&path, "{}").unwrap();
    let error = dead_letters.list().unwrap().error().unwrap();
    assert_eq!(error.kind(), Kind::Config);
    assert!(
        error.to_string().contains(path.to_str().unwrap()),
        "{error}"
    );
}

#[test]
fn a_damaged_letter_is_reported_by_its_path() {
    let (_folder, dead_letters) = dead_letters();
    let sent = message(FIRST, "{}");
    dead_letters
        .keep(&sent, &failure(), Timestamp::UNIX_EPOCH)
        .unwrap();
    let path = dead_letters.path(&sent.id);
    // A letter in a file with another letter's name would be sent under the wrong id.
    let other = Id::parse(SECOND).unwrap();
    fs::copy(&path, dead_letters.path(&other)).unwrap();
    // A letter with rows but without a position would be taken for the final message.
    let third = message("msg_d-00000000000000000000000000000000-0", "{}");
    let without = Message {
        position: None,
        ..third.clone()
    };
    dead_letters
        .keep(&without, &failure(), Timestamp::UNIX_EPOCH)
        .unwrap();
    fs::write(&path, "{\"id\":").unwrap();
    for id in [sent.id, other, third.id] {
        let error = dead_letters.read(id).unwrap_err();
        assert_eq!(error.kind(), Kind::Config);
        assert!(
            error
                .to_string()
                .contains("is damaged or not a dead letter"),
            "{error}"
        );
        assert!(std::error::Error::source(&error).is_some());
    }
}
