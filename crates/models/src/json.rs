//! Reads JSON text piece by piece, as slices of the text.
//!
//! Responses are large, and most code needs only a part of them. `serde_json` can skip values too,
//! but it has to look at each value that is kept as text twice: once to find its end, and once to
//! read it. This reader returns the text of a string or a number when it finds its end.
//!
//! It accepts exactly what `serde_json` accepts as a `RawValue`. It has no errors with a position,
//! so callers that have to explain a malformed text parse it with `serde_json` again.

use std::borrow::Cow;

mod special;
#[cfg(test)]
mod tests;

pub(crate) use self::special::next_special;

/// The text is not JSON, or not what the caller expected at this place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// The result of reading a part of a text.
pub type Result<T> = std::result::Result<T, Malformed>;

/// What a value is, by its first character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool,
    /// A number.
    Number,
    /// A string.
    Text,
    /// A list.
    List,
    /// An object.
    Object,
}

/// A string in a text, without its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text<'a> {
    /// The string with its quotes, as written.
    quoted: &'a str,
    start: usize,
    has_escapes: bool,
}

impl<'a> Text<'a> {
    /// The string as written, if it has no escapes. It then is also its value.
    pub fn plain(self) -> Option<&'a str> {
        (!self.has_escapes).then(|| &self.quoted[1..self.quoted.len() - 1])
    }

    /// The string with its quotes, as written.
    pub fn quoted(self) -> &'a str {
        self.quoted
    }

    /// The position of its first quote.
    pub fn start(self) -> usize {
        self.start
    }

    /// The value of the string.
    ///
    /// # Errors
    ///
    /// Fails if it contains half a surrogate pair, which is JSON but not text.
    pub fn value(self) -> Result<Cow<'a, str>> {
        match self.plain() {
            Some(plain) => Ok(plain.into()),
            None => serde_json::from_str(self.quoted)
                .map(Cow::Owned)
                .map_err(|_| Malformed),
        }
    }
}

/// The name of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name<'a> {
    /// The name that was likely, written without escapes.
    Likely,
    /// Any other.
    Other(Text<'a>),
}

/// A position in a JSON text.
///
/// The methods skip blanks before what they read. After an error, the position is not specified.
#[derive(Debug)]
pub struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// The brackets that [`Self::skip`] has opened. It is kept to reuse its memory.
    open: Vec<u8>,
}

impl<'a> Reader<'a> {
    /// Starts at the beginning of a text.
    pub fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            open: Vec::new(),
        }
    }

    /// The position in bytes. After a successful call it is the end of what was read.
    pub fn position(&self) -> usize {
        self.at
    }

    /// Whether the next value is an object without members. Blanks before it must have been read.
    pub fn is_at_empty_object(&self) -> bool {
        let rest = self.text[self.at..].strip_prefix('{');
        rest.is_some_and(|rest| rest.trim_ascii_start().starts_with('}'))
    }

    /// The text from a position to the current one.
    ///
    /// # Panics
    ///
    /// If `start` is not a position that this reader had before.
    pub fn since(&self, start: usize) -> &'a str {
        &self.text[start..self.at]
    }

    /// What the next value is. Nothing is read except blanks.
    ///
    /// # Errors
    ///
    /// Fails if no value can start here.
    pub fn kind(&mut self) -> Result<Kind> {
        Ok(match self.peek()? {
            b'"' => Kind::Text,
            b'-' | b'0'..=b'9' => Kind::Number,
            b'{' => Kind::Object,
            b'[' => Kind::List,
            b'n' => Kind::Null,
            b't' | b'f' => Kind::Bool,
            _ => return Err(Malformed),
        })
    }

    /// Reads `{` and whatever is before the first member, or the end of the empty object.
    ///
    /// Then call [`Self::next_name`] until it returns `None`, and read a value after each name.
    ///
    /// # Errors
    ///
    /// Fails if the next value is not an object.
    pub fn open_object(&mut self) -> Result<Members> {
        self.expect(b'{')?;
        Ok(Members { is_first: true })
    }

    /// Reads the name of the next member and its colon. `None` is the end of the object.
    ///
    /// # Errors
    ///
    /// Fails if there is neither a member nor the end of the object.
    pub fn next_name(&mut self, members: &mut Members) -> Result<Option<Text<'a>>> {
        if !self.goes_on(members, b'}')? {
            return Ok(None);
        }
        let name = self.string()?;
        self.expect(b':')?;
        Ok(Some(name))
    }

    /// The same, for a caller that can tell which name is likely. That name is only compared, which
    /// is faster than looking for the end of a name.
    ///
    /// # Errors
    ///
    /// Fails if there is neither a member nor the end of the object.
    pub fn next_name_or(
        &mut self,
        members: &mut Members,
        likely: &str,
    ) -> Result<Option<Name<'a>>> {
        if !self.goes_on(members, b'}')? {
            return Ok(None);
        }
        let rest = self.text.as_bytes().get(self.at + 1..).unwrap_or_default();
        let is_likely = !likely.is_empty()
            && self.byte() == Some(b'"')
            && rest.starts_with(likely.as_bytes())
            && rest.get(likely.len()) == Some(&b'"');
        let name = if is_likely {
            self.at += likely.len() + 2;
            Name::Likely
        } else {
            Name::Other(self.string()?)
        };
        self.expect(b':')?;
        Ok(Some(name))
    }

    /// Reads `[`. Then call [`Self::next_element`] until it returns false, and read a value after
    /// each true.
    ///
    /// # Errors
    ///
    /// Fails if the next value is not a list.
    pub fn open_list(&mut self) -> Result<Members> {
        self.expect(b'[')?;
        Ok(Members { is_first: true })
    }

    /// Whether the list has another element. If not, its end is read.
    ///
    /// # Errors
    ///
    /// Fails if there is neither an element nor the end of the list.
    pub fn next_element(&mut self, members: &mut Members) -> Result<bool> {
        self.goes_on(members, b']')
    }

    /// Reads a string.
    ///
    /// # Errors
    ///
    /// Fails if the next value is not a string, or not a valid one.
    pub fn string(&mut self) -> Result<Text<'a>> {
        if self.peek()? != b'"' {
            return Err(Malformed);
        }
        let start = self.at;
        let has_escapes = self.skip_string()?;
        Ok(Text {
            quoted: &self.text[start..self.at],
            start,
            has_escapes,
        })
    }

    /// Reads a value of any kind and returns it as written.
    ///
    /// Depth costs no stack.
    ///
    /// # Errors
    ///
    /// Fails if the text is not JSON.
    pub fn skip(&mut self) -> Result<&'a str> {
        self.skip_with(|_| {})
    }

    /// The same, and calls `on_name` for the name of each member at any depth.
    ///
    /// # Errors
    ///
    /// Fails if the text is not JSON.
    pub fn skip_with(&mut self, mut on_name: impl FnMut(Text<'a>)) -> Result<&'a str> {
        self.peek()?;
        let start = self.at;
        self.open.clear();
        loop {
            let opened = match self.peek()? {
                b'"' => self.skip_string().map(|_| false)?,
                bracket @ (b'{' | b'[') => {
                    self.at += 1;
                    self.open.push(bracket);
                    true
                }
                _ => self.literal().map(|_| false)?,
            };
            if !self.next_value(opened, &mut on_name)? {
                return Ok(&self.text[start..self.at]);
            }
        }
    }

    /// Like [`Self::skip`], for a text that is already known to be JSON. It only looks for the end of the value, which
    /// takes a fraction of the time.
    ///
    /// # Errors
    ///
    /// Fails if the text ends before the value does. Other errors in the text may go unnoticed.
    pub fn skip_validated(&mut self) -> Result<&'a str> {
        let first = self.peek()?;
        let start = self.at;
        match first {
            b'{' | b'[' => self.skip_brackets()?,
            b'"' => drop(self.skip_string()?),
            _ => drop(self.literal()?),
        }
        Ok(&self.text[start..self.at])
    }

    fn skip_brackets(&mut self) -> Result<()> {
        let mut depth = 0_usize;
        loop {
            match self.byte().ok_or(Malformed)? {
                b'"' => {
                    self.skip_string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// Reads up to the next value inside the open brackets. False is the end of the outermost one.
    fn next_value(&mut self, mut opened: bool, on_name: &mut impl FnMut(Text<'a>)) -> Result<bool> {
        loop {
            let Some(bracket) = self.open.last() else {
                return Ok(false);
            };
            let is_object = *bracket == b'{';
            let mut members = Members { is_first: opened };
            let close = if is_object { b'}' } else { b']' };
            if self.goes_on(&mut members, close)? {
                if is_object {
                    let name = self.string()?;
                    self.expect(b':')?;
                    on_name(name);
                }
                return Ok(true);
            }
            self.open.pop();
            opened = false;
        }
    }

    /// Reads a number, a boolean or null, and returns it as written.
    ///
    /// # Errors
    ///
    /// Fails if the next value is something else.
    pub fn literal(&mut self) -> Result<&'a str> {
        let word = match self.peek()? {
            b'n' => "null",
            b't' => "true",
            b'f' => "false",
            _ => return self.number(),
        };
        let end = self.at + word.len();
        if self.text.as_bytes().get(self.at..end) != Some(word.as_bytes()) {
            return Err(Malformed);
        }
        self.at = end;
        Ok(word)
    }

    /// Checks that only blanks are left.
    ///
    /// # Errors
    ///
    /// Fails if there is anything else.
    pub fn end(&mut self) -> Result<()> {
        match self.peek() {
            Ok(_) => Err(Malformed),
            Err(Malformed) => Ok(()),
        }
    }

    /// Skips the string whose first quote is here, and returns whether it has escapes.
    #[inline]
    fn skip_string(&mut self) -> Result<bool> {
        let bytes = self.text.as_bytes();
        let mut has_escapes = false;
        self.at += 1;
        loop {
            self.at = next_special(bytes, self.at);
            match bytes.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    has_escapes = true;
                    self.escape()?;
                }
                _ => return Err(Malformed),
            }
        }
        self.at += 1;
        Ok(has_escapes)
    }

    fn number(&mut self) -> Result<&'a str> {
        let start = self.at;
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        match self.byte() {
            // A number has no leading zeros.
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.byte(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        match self.byte() {
            Some(b'0'..=b'9') => Err(Malformed),
            _ => Ok(&self.text[start..self.at]),
        }
    }

    fn digits(&mut self) -> Result<()> {
        let start = self.at;
        while matches!(self.byte(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start {
            return Err(Malformed);
        }
        Ok(())
    }

    fn escape(&mut self) -> Result<()> {
        let bytes = self.text.as_bytes();
        let length = match bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
            Some(b'u') => {
                let digits = bytes.get(self.at + 2..self.at + 6).ok_or(Malformed)?;
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return Err(Malformed);
                }
                6
            }
            _ => return Err(Malformed),
        };
        self.at += length;
        Ok(())
    }

    fn goes_on(&mut self, members: &mut Members, close: u8) -> Result<bool> {
        let is_first = std::mem::replace(&mut members.is_first, false);
        match self.peek()? {
            byte if byte == close => {
                self.at += 1;
                return Ok(false);
            }
            _ if is_first => {}
            b',' => {
                self.at += 1;
                // A comma promises another member.
                if self.peek()? == close {
                    return Err(Malformed);
                }
            }
            _ => return Err(Malformed),
        }
        Ok(true)
    }

    fn expect(&mut self, wanted: u8) -> Result<()> {
        if self.peek()? != wanted {
            return Err(Malformed);
        }
        self.at += 1;
        Ok(())
    }

    /// The next byte that is not blank.
    #[inline]
    fn peek(&mut self) -> Result<u8> {
        loop {
            match self.byte() {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                Some(byte) => return Ok(byte),
                None => return Err(Malformed),
            }
        }
    }

    #[inline]
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}

/// How far an object or a list has been read.
#[derive(Debug)]
pub struct Members {
    is_first: bool,
}
