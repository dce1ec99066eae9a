//! Tests of the file.

use std::io::Write as _;

use super::*;

#[test]
fn a_path_that_is_no_workbook_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let of = |path: &Path| Document::new(path).unwrap_err();
    let named = folder.path().join("folder.xlsx");
    fs::create_dir(&named).unwrap();
    assert!(of(&named).to_string().ends_with("is a folder"));
    assert!(
        of(Path::new("out.xls"))
            .to_string()
            .contains("must end in `.xlsx`")
    );
    assert!(
        of(Path::new("s3://bucket/out.xlsx"))
            .to_string()
            .contains("`s3://` is not supported")
    );
    assert_eq!(of(Path::new("")).kind(), Kind::Config);
    Document::new(Path::new("OUT.XLSX")).unwrap();
}

#[test]
fn a_file_of_somebody_else_is_never_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("budget.xlsx");
    fs::write(&path, "somebody else's").unwrap();
    let error = Document::new(&path).unwrap().identity().unwrap_err();
    assert_eq!(error.kind(), Kind::Config);
    assert!(
        error.to_string().contains("was not written by fortilake"),
        "{error}"
    );
}

#[test]
fn a_probe_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let document = Document::new(&folder.path().join("a/b/out.xlsx")).unwrap();
    document.probe().unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn only_files_of_dead_processes_are_swept() {
    let folder = tempfile::tempdir().unwrap();
    let document = Document::new(&folder.path().join("out.xlsx")).unwrap();
    let dead = folder.path().join(".out.xlsx.dead.part");
    fs::write(&dead, "").unwrap();
    let alive = document.begin().unwrap();
    document.sweep().unwrap();
    assert!(alive.path().exists());
    assert!(!dead.exists());
}

#[cfg(unix)]
#[test]
fn a_workbook_keeps_its_permissions_and_its_link() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let folder = tempfile::tempdir().unwrap();
    let (file, link) = (
        folder.path().join("file.xlsx"),
        folder.path().join("link.xlsx"),
    );
    let replaced = |permissions: u32, text: &str| {
        let document = Document::new(&link).unwrap();
        let mut new = document.begin().unwrap();
        new.write_all(text.as_bytes()).unwrap();
        document.replace(new).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
        let mode = fs::metadata(&file).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, permissions);
    };
    fs::write(&file, "old").unwrap();
    symlink(&file, &link).unwrap();
    for mode in [0o640, 0o644] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        replaced(mode, "new");
    }
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
}
