//! Nothing that a crawl leaves behind holds a secret.

use std::fs;

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
            let found = text.windows(secret.len()).any(|window| window == secret);
            assert!(!found, "{name} holds {:?}", String::from_utf8_lossy(secret));
        }
    }
}
