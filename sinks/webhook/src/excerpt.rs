//! Excerpts of responses to messages that were not accepted, made safe to store and to print.

/// How much of a response body is read, in bytes.
///
/// More than [`LONGEST`], so that a secret at the end of an excerpt is complete when it is replaced.
pub(crate) const LONGEST_BODY: usize = 2048;

/// The maximum length of an excerpt, in characters.
const LONGEST: usize = 500;

/// Secrets shorter than this, in bytes, are not replaced: they would also match ordinary words.
const SHORTEST_SECRET: usize = 4;

/// Makes excerpts of responses.
///
/// A receiver may repeat the request in its response, so the secrets that were sent to it are replaced.
#[derive(Default)]
pub(crate) struct Excerpts {
    secrets: Vec<String>,
}

impl Excerpts {
    /// Excerpts in which `secrets` are replaced, and also each word of them: a receiver may repeat the token of
    /// `Bearer TOKEN` on its own.
    pub(crate) fn without<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let words = secrets
            .into_iter()
            .flat_map(|secret| std::iter::once(secret).chain(secret.split_whitespace()));
        let mut secrets: Vec<_> = words
            .filter(|word| word.len() >= SHORTEST_SECRET)
            .map(str::to_owned)
            .collect();
        // Longer secrets are replaced first. If a shorter one inside them were replaced before, the rest would stay.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        Self { secrets }
    }

    /// The beginning of `body` as one line of text; `None` if nothing printable is in it.
    pub(crate) fn of(&self, body: &[u8]) -> Option<String> {
        let mut text = String::from_utf8_lossy(body).into_owned();
        for secret in &self.secrets {
            text = text.replace(secret, "[secret]");
        }
        let text: String = text
            .chars()
            .map(|char| if is_shown(char) { char } else { ' ' })
            .collect();
        let words: Vec<_> = text.split_whitespace().collect();
        let text: String = words.join(" ").chars().take(LONGEST).collect();
        (!text.is_empty()).then_some(text)
    }
}

/// Whether a character is safe to print.
///
/// Control characters could control the terminal. Zero-width and bidirectional characters could make the text
/// around them look different from what it is.
fn is_shown(char: char) -> bool {
    let turns_text = matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    !char.is_control() && !turns_text
}

#[cfg(test)]
mod tests;
