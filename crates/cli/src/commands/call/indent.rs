//! Indents a response for people, without changing its numbers, its texts or the order of its members.
//!
//! Parsing and printing it again would change numbers with many digits and sort the members.

/// The JSON text on several lines.
pub(super) fn indented(json: &str) -> String {
    let mut text = String::with_capacity(json.len() * 2);
    let mut depth = 0_usize;
    let mut chars = json.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '"' => {
                text.push(char);
                let mut is_escaped = false;
                for char in chars.by_ref() {
                    text.push(char);
                    match char {
                        '"' if !is_escaped => break,
                        '\\' => is_escaped = !is_escaped,
                        _ => is_escaped = false,
                    }
                }
            }
            '{' | '[' => {
                while chars.next_if(char::is_ascii_whitespace).is_some() {}
                text.push(char);
                // An empty object or list stays on one line.
                if let Some(end) = chars.next_if(|char| matches!(char, '}' | ']')) {
                    text.push(end);
                } else {
                    depth += 1;
                    new_line(&mut text, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut text, depth);
                text.push(char);
            }
            ',' => {
                text.push(char);
                new_line(&mut text, depth);
            }
            ':' => text.push_str(": "),
            char if char.is_ascii_whitespace() => {}
            char => text.push(char),
        }
    }
    text
}

fn new_line(text: &mut String, depth: usize) {
    text.push('\n');
    text.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::indented;

    #[test]
    fn values_and_their_order_stay() {
        let json = r#"{"b":[1.10,{ },[ ]],"a":"x,{\"y\\"}"#.to_owned() + " ";
        let lines = [
            "{",
            "  \"b\": [",
            "    1.10,",
            "    {},",
            "    []",
            "  ],",
            r#"  "a": "x,{\"y\\""#,
            "}",
        ];
        assert_eq!(indented(&json), lines.join("\n"));
    }
}
