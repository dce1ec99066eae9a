//! Tests of finding the program, and of the errors if there is none.

#![cfg(unix)]

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use fortilake_sink::Kind;

use super::program;

#[test]
fn a_bare_name_is_looked_for_in_the_path() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    for (folder, mode) in [(&first, 0o644), (&second, 0o755)] {
        fs::create_dir(folder).unwrap();
        fs::write(folder.join("load"), "").unwrap();
        fs::set_permissions(folder.join("load"), Permissions::from_mode(mode)).unwrap();
    }
    let path = std::env::join_paths([&first, &second]).unwrap();
    // The first file is not executable, so the search continues, as it would in a shell.
    assert_eq!(program("load", Some(&path)).unwrap(), second.join("load"));

    let error = program("laod", Some(&path)).unwrap_err();
    assert_eq!(error.kind(), Kind::Config);
    assert_eq!(error.to_string(), "there is no program `laod` in `PATH`");
}

#[test]
fn a_file_in_the_current_folder_is_not_found_by_a_bare_name() {
    let error = program("Cargo.toml", Some(OsStr::new("/nowhere"))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no program `Cargo.toml` in `PATH`; to use the file in this folder, write `./Cargo.toml`"
    );
    assert!(program("Cargo.toml", None).is_err());
}

#[test]
fn a_relative_path_is_resolved_against_the_current_folder() {
    let error = program("./src/../Cargo.toml", None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the program `./src/../Cargo.toml` is not marked as executable"
    );
    let error = program("./src", None).unwrap_err();
    assert_eq!(error.to_string(), "the program `./src` is not a file");
    let error = program("./nothing", None).unwrap_err();
    assert_eq!(error.kind(), Kind::Config);
    assert!(error.to_string().ends_with("nothing`"), "{error}");
    assert_eq!(program("/bin/sh", None).unwrap().to_str(), Some("/bin/sh"));
}

#[test]
fn a_command_with_arguments_is_explained() {
    for (line, wanted) in [
        ("python3 x.py", "`exec:python3?args=x.py`"),
        (" ./load.py  --fast", "`exec:./load.py?args=--fast`"),
        (
            "/usr/bin/env python3 x.py",
            "`exec:/usr/bin/env?args=python3 x.py`",
        ),
    ] {
        let error = program(line, Some(OsStr::new("/usr/bin"))).unwrap_err();
        assert_eq!(error.kind(), Kind::Config);
        let text = error.to_string();
        assert!(
            text.contains(wanted) && text.contains("option `args`"),
            "{text}"
        );
    }
    // A path can contain spaces if the file exists.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my loader.py");
    fs::write(&path, "").unwrap();
    let error = program(path.to_str().unwrap(), None).unwrap_err();
    assert!(
        error.to_string().ends_with("is not marked as executable"),
        "{error}"
    );
}
