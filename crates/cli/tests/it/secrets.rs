//! Nothing that a crawl writes contains a secret.

use std::{fs, path::Path};

use rusqlite::types::ValueRef;

use crate::util::{Folder, SMALL, Simulator};

const PASSWORD: &str = "correct-horse-battery-staple";

#[test]
fn no_log_line_and_no_file_holds_a_secret() {
    let scenario = format!(
        "[credentials]\nusername = \"api-user\"\npassword = \"{PASSWORD}\"\n[quirks]\nextended_lists = true\n{SMALL}\
         [[fault]]\npath = \"products/list\"\nevery = 3\ntimes = 2\naction = {{ kind = \"refuse\" }}\n"
    );
    let simulator = Simulator::start(&scenario);
    let folder = Folder::beside(&simulator).with("FORTILAKE_LOG", "trace");
    let output = folder.run("-vvv crawl --sink csv:out --sink parquet:out --summary summary.json");
    assert_eq!(output.status.code(), Some(3));
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(log.contains("TRACE"), "the log is on");
    let mut texts = vec![("the log".to_owned(), log.into_bytes())];
    for name in folder
        .files("")
        .iter()
        .filter(|name| !name.contains("SNAPSHOT"))
    {
        texts.push((name.clone(), fs::read(folder.join(name)).unwrap()));
    }
    assert!(texts.len() > 10);
    let bearer = b"earer ";
    for (name, text) in texts {
        for secret in [PASSWORD.as_bytes(), b"registrationCode", bearer] {
            let found = contains(&text, secret);
            assert!(!found, "{name} holds {:?}", String::from_utf8_lossy(secret));
        }
    }
}

/// All texts and blobs in the state, with their columns. Compressed pages are decompressed.
pub(crate) fn values(path: &Path) -> Vec<(String, Vec<u8>)> {
    let file = rusqlite::Connection::open(path).unwrap();
    let mut names = file
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
        .unwrap();
    let names = names.query_map((), |row| row.get::<_, String>(0)).unwrap();
    let mut values = Vec::new();
    for name in names.map(Result::unwrap) {
        let mut table = file.prepare(&format!("SELECT * FROM {name}")).unwrap();
        let columns: Vec<String> = table
            .column_names()
            .map(|c| format!("{name}.{c}"))
            .collect();
        let mut rows = table.query(()).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for (at, column) in columns.iter().enumerate() {
                let value = match row.get_ref(at).unwrap() {
                    ValueRef::Text(text) => text.to_vec(),
                    ValueRef::Blob(blob) => {
                        zstd::decode_all(blob).unwrap_or_else(|_| blob.to_vec())
                    }
                    _ => continue,
                };
                values.push((column.clone(), value));
            }
        }
    }
    values
}

#[test]
fn the_state_holds_no_password_and_tokens_in_one_place() {
    let scenario =
        format!("[credentials]\nusername = \"api-user\"\npassword = \"{PASSWORD}\"\n{SMALL}");
    let simulator = Simulator::start(&scenario);
    let folder = Folder::beside(&simulator);
    // The crawl pauses, so that its pages stay in the journal.
    let output = folder.run("crawl --sink csv:out --max-calls 9");
    assert_eq!(output.status.code(), Some(75));
    let names = folder.files("state");
    for name in &names {
        let bytes = fs::read(folder.join(name)).unwrap();
        assert!(!contains(&bytes, PASSWORD.as_bytes()), "{name}");
    }
    let state = names.iter().find(|name| {
        let bytes = fs::read(folder.join(name)).unwrap();
        bytes.starts_with(b"SQLite format 3")
    });
    let values = values(&folder.join(state.unwrap()));
    let tokens: Vec<&[u8]> = values
        .iter()
        .filter(|(column, _)| column == "tokens.access_token")
        .map(|(_, value)| value.as_slice())
        .collect();
    assert!(!tokens.is_empty());
    // Pages were decompressed. The API repeats the token of the request in each response, so this shows that tokens
    // were removed before the pages were stored.
    assert!(
        values
            .iter()
            .any(|(_, value)| contains(value, b"\"accounts\""))
    );
    for (column, value) in &values {
        assert!(!contains(value, PASSWORD.as_bytes()), "{column}");
        let leaked = tokens.iter().any(|token| contains(value, token));
        assert!(
            !leaked || column == "tokens.access_token",
            "{column}: {}",
            String::from_utf8_lossy(value)
        );
    }
}

pub(crate) fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
