//! Decodes text files that people write, with whatever program they have.

use std::borrow::Cow;

use anyhow::anyhow;

use crate::exit::{CommandError, Result};

/// Decodes UTF-8, and UTF-16 as Excel and `>` in Windows PowerShell write it. `name` is the name of the
/// file in the error.
pub(crate) fn decode<'a>(bytes: &'a [u8], name: &str) -> Result<Cow<'a, str>> {
    let utf16 = |unit: fn([u8; 2]) -> u16| {
        let (pairs, _) = bytes.as_chunks::<2>();
        String::from_utf16_lossy(&pairs.iter().map(|pair| unit(*pair)).collect::<Vec<_>>())
    };
    // These files begin with a name in ASCII, so without a byte order mark a zero byte shows the order.
    match bytes {
        [0xff, 0xfe, ..] | [1..=0x7f, 0, ..] => return Ok(utf16(u16::from_le_bytes).into()),
        [0xfe, 0xff, ..] | [0, 1..=0x7f, ..] => return Ok(utf16(u16::from_be_bytes).into()),
        _ => {}
    }
    str::from_utf8(bytes).map(Cow::Borrowed).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = before.split(|byte| *byte == b'\n').count();
        CommandError::not_started(anyhow!("line {line} of `{name}` is not UTF-8"))
            .hint("save the file as UTF-8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf_16_is_decoded_and_other_bytes_are_an_error_with_a_line() {
        let text = "A=b\r\n";
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let marked = [&[0xff, 0xfe], &*little].concat();
        for bytes in [little, big, marked, text.into()] {
            let decoded = decode(&bytes, ".env").ok().map(Cow::into_owned);
            let decoded = decoded.unwrap_or_default();
            assert_eq!(decoded.trim_start_matches('\u{feff}'), text);
        }
        let failure = decode(b"A=b\nC=\xfc\n", "units.csv")
            .map(Cow::into_owned)
            .err();
        let text = failure.map(|failure| failure.error.to_string());
        assert_eq!(text.as_deref(), Some("line 2 of `units.csv` is not UTF-8"));
    }
}
