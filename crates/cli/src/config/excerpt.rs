//! The line of the configuration file that a message is about, with a mark under the place.

use std::ops::Range;

/// Shows the line where `place` begins. Values are replaced, because a misplaced one may be a
/// password. `None` if the line is neither a section nor a key with its value.
pub(super) fn excerpt(text: &str, place: Range<usize>) -> Option<String> {
    let before = text.get(..place.start)?;
    let number = before.matches('\n').count() + 1;
    let begin = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[begin..].lines().next()?;
    let (shown, end) = match line.split_once('=') {
        Some((key, _)) if is_key(key) => (format!("{key}= …"), key.trim_end().len()),
        None if is_section(line) => (line.trim_end().to_owned(), line.trim_end().len()),
        _ => return None,
    };
    let from = place.start - begin;
    let (at, marks) = if from < end {
        let marks = end.min(place.end - begin) - from;
        (line[..from].chars().count(), marks.max(1))
    } else {
        (shown.chars().count() - 1, 1)
    };
    let margin = " ".repeat(number.to_string().len());
    let (space, marks) = (" ".repeat(at), "^".repeat(marks));
    Some(format!("{number} | {shown}\n{margin} | {space}{marks}"))
}

fn is_key(text: &str) -> bool {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "_-. ".contains(letter);
    !text.trim().is_empty() && text.chars().all(is_part)
}

fn is_section(line: &str) -> bool {
    let name = line.trim().trim_start_matches('[').trim_end_matches(']');
    line.trim_start().starts_with('[') && is_key(name)
}

#[cfg(test)]
mod tests {
    use super::excerpt;

    #[track_caller]
    fn marked(text: &str, place: &str) -> Option<String> {
        let start = text.find(place).unwrap();
        excerpt(text, start..start + place.len())
    }

    #[test]
    fn a_key_is_marked() {
        let text = "keep = 5\n  pasword = \"hunter2\"\n";
        let expected = "2 |   pasword = …\n  |   ^^^^^^^";
        assert_eq!(marked(text, "pasword").as_deref(), Some(expected));
    }

    #[test]
    fn a_value_is_marked_and_not_shown() {
        let text = "password = \"hunter2\"\n";
        let expected = "1 | password = …\n  |            ^";
        assert_eq!(marked(text, "\"hunter2\"").as_deref(), Some(expected));
    }

    #[test]
    fn a_section_is_marked() {
        let text = "\n[sourse]\nname = \"acme\"\n";
        let expected = "2 | [sourse]\n  |  ^^^^^^";
        assert_eq!(marked(text, "sourse").as_deref(), Some(expected));
        assert!(marked("[[source]\n", "[[source]\n").is_some());
    }

    #[test]
    fn a_line_with_nothing_but_a_value_is_not_shown() {
        for text in [
            "x = [\n  \"hunter2\",\n]",
            "hunter2",
            "[hunter2!]",
            "\"hunter2\" = 1",
        ] {
            assert_eq!(marked(text, "hunter2"), None, "{text}");
        }
        assert_eq!(excerpt("ü", 1..1), None);
    }
}
