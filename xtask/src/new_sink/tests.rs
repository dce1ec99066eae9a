//! Tests of names and of inserting lines. That a new sink works is tested in a copy of the
//! repository.

use super::*;

#[test]
fn a_name_is_words_of_lower_case_letters_and_digits() {
    for name in ["kafka", "s3", "data-lake-2"] {
        check(name).unwrap();
    }
    for name in [
        "", "Kafka", "3s", "-a", "a-", "a--b", "a_b", "a/b", "../a", "ä", "a b", "default",
    ] {
        check(name).unwrap_err();
    }
}

#[test]
fn a_name_that_is_taken_is_refused() {
    let error = write(&crate::root(), "csv").unwrap_err();
    assert_eq!(error.to_string(), "`sinks/csv` already exists");
}

#[test]
fn a_line_goes_where_it_belongs() {
    let text = "[x]\nsink-b = 1\nsink-d = 1\n\nother\n";
    let with = |line: &str| insert(text, "sink-", &[line]).unwrap();
    assert_eq!(
        with("sink-a = 1"),
        "[x]\nsink-a = 1\nsink-b = 1\nsink-d = 1\n\nother\n"
    );
    assert_eq!(
        with("sink-c = 1"),
        "[x]\nsink-b = 1\nsink-c = 1\nsink-d = 1\n\nother\n"
    );
    assert_eq!(
        with("sink-e = 1"),
        "[x]\nsink-b = 1\nsink-d = 1\nsink-e = 1\n\nother\n"
    );
    insert(text, "sink-", &["sink-b = 1"]).unwrap_err();
    insert(text, "none-", &["none-b = 1"]).unwrap_err();
}

#[test]
fn lines_that_belong_together_stay_together() {
    let text = "#[b]\nuse b;\n#[d]\nuse d;\n";
    let with = |lines: [&str; 2]| insert(text, "#[", &lines).unwrap();
    assert_eq!(
        with(["#[c]", "use c;"]),
        "#[b]\nuse b;\n#[c]\nuse c;\n#[d]\nuse d;\n"
    );
    assert_eq!(
        with(["#[e]", "use e;"]),
        "#[b]\nuse b;\n#[d]\nuse d;\n#[e]\nuse e;\n"
    );
}

#[test]
fn nothing_is_left_open_in_the_template() {
    for (path, text) in TEMPLATE {
        let text = fill(text, "data-lake");
        assert!(
            !text.contains("{{name") && !text.contains("{{crate") && !text.contains("{{summary"),
            "{path}"
        );
    }
    assert!(fill(TEMPLATE[1].1, "data-lake").contains("use fortilake_sink_data_lake as _;"));
}
