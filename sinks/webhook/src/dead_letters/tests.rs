//! Dead letters as files.

use super::*;
use crate::courier::Reason;

const URL: &str = "https://example.com/hook";

fn message(id: &str, body: &'static str) -> Message {
    Message {
        id: Id::parse(id).unwrap(),
        content_type: "application/json".to_owned(),
        body: Bytes::from_static(body.as_bytes()),
        rows: 3,
        attempts: 0,
    }
}

fn failure() -> Failure {
    Failure {
        reason: Reason::Refused,
        cause: "the answer was 400 Bad Request".to_owned(),
        attempts: 2,
    }
}

fn letters() -> (tempfile::TempDir, Letters) {
    let folder = tempfile::tempdir().unwrap();
    let letters = Letters::new(folder.path().join("dead/host"), URL.to_owned());
    (folder, letters)
}

#[test]
fn a_letter_is_read_back_to_the_byte() {
    let (_folder, letters) = letters();
    let body = "{\"a\":\"\\u0000\\n漢 \u{2028}\"}";
    let sent = message("msg_c-t-0-1", body);
    letters
        .keep(&sent, &failure(), Timestamp::UNIX_EPOCH)
        .unwrap();
    let read = letters.read(sent.id.clone()).unwrap();
    assert_eq!(read.body, body);
    assert_eq!((read.rows, read.attempts), (3, 2));
    assert_eq!(read.content_type, sent.content_type);

    let text = fs::read_to_string(letters.folder().join("msg_c-t-0-1.json")).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["id"], "msg_c-t-0-1");
    assert_eq!(value["url"], URL);
    assert_eq!(value["cause"], "the answer was 400 Bad Request");
    assert_eq!(value["failed_at"], "1970-01-01T00:00:00Z");
    assert_eq!(value["headers"]["webhook-id"], "msg_c-t-0-1");
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_a_letter() {
    use std::os::unix::fs::PermissionsExt as _;

    let (_folder, letters) = letters();
    let sent = message("msg_c-t-0-1", "{}");
    // What was left behind by somebody else does not lend its permissions.
    fs::create_dir_all(letters.folder()).unwrap();
    fs::set_permissions(letters.folder(), fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(letters.folder().join("msg_c-t-0-1.tmp"), "other").unwrap();
    letters
        .keep(&sent, &failure(), Timestamp::UNIX_EPOCH)
        .unwrap();
    letters
        .keep(&sent, &failure(), Timestamp::UNIX_EPOCH)
        .unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&letters.path(&sent.id)), 0o600);
    let names: Vec<_> = fs::read_dir(letters.folder()).unwrap().collect();
    assert_eq!(names.len(), 1, "{names:?}");

    let (_folder, letters) = self::letters();
    letters
        .keep(&sent, &failure(), Timestamp::UNIX_EPOCH)
        .unwrap();
    assert_eq!(mode(letters.folder()), 0o700);
}

#[test]
fn letters_are_listed_in_order_and_other_files_left_alone() {
    let (_folder, letters) = letters();
    assert!(letters.list().unwrap().is_empty());
    for id in ["msg_c-summary", "msg_c-t-10-0", "msg_c-t-9-0"] {
        letters
            .keep(&message(id, "{}"), &failure(), Timestamp::UNIX_EPOCH)
            .unwrap();
    }
    for name in ["notes.json", "msg_c-t-1-0.tmp", "msg_c-t-1-0.json.bak"] {
        fs::write(letters.folder().join(name), "{}").unwrap();
    }
    let ids = || -> Vec<String> {
        letters
            .list()
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect()
    };
    assert_eq!(ids(), ["msg_c-t-9-0", "msg_c-t-10-0", "msg_c-summary"]);
    letters.remove(&Id::parse("msg_c-t-10-0").unwrap()).unwrap();
    letters.remove(&Id::parse("msg_c-t-77-0").unwrap()).unwrap();
    assert_eq!(ids(), ["msg_c-t-9-0", "msg_c-summary"]);
}

#[test]
fn a_damaged_letter_is_told_by_its_path() {
    let (_folder, letters) = letters();
    let sent = message("msg_c-t-0-0", "{}");
    letters
        .keep(&sent, &failure(), Timestamp::UNIX_EPOCH)
        .unwrap();
    let path = letters.path(&sent.id);
    // A letter under another letter's name would be sent under the wrong id.
    let other = Id::parse("msg_c-t-0-1").unwrap();
    fs::copy(&path, letters.path(&other)).unwrap();
    fs::write(&path, "{\"id\":").unwrap();
    for id in [sent.id, other] {
        let error = letters.read(id).unwrap_err();
        assert_eq!(error.kind(), Kind::Config);
        assert!(
            error
                .to_string()
                .contains("no dead letter, or a damaged one"),
            "{error}"
        );
        assert!(std::error::Error::source(&error).is_some());
    }
}
