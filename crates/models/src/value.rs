//! Converts a JSON value to the value of a column.

use std::borrow::Cow;

use arrow_array::{
    ArrayRef,
    builder::{
        ArrayBuilder, BooleanBuilder, Float64Builder, Int64Builder, StringBuilder,
        TimestampMicrosecondBuilder,
    },
};

use crate::{
    Kind, Stamp,
    json::{self, Reader},
    legal_json, parse_timestamp,
    repair::UNREADABLE,
    scalar,
};

/// A JSON value, parsed only as deep as needed.
#[derive(Debug)]
pub(crate) enum Scalar<'a> {
    Null,
    /// A string, with escapes resolved.
    Text(Cow<'a, str>),
    /// A number or a boolean, as written.
    Literal(&'a str),
    /// A list or an object, as written.
    Other(&'a str),
}

impl<'a> Scalar<'a> {
    /// The value with this text, which must be JSON.
    pub(crate) fn of(text: &'a str) -> Self {
        match text.as_bytes().first() {
            Some(b'n') => Self::Null,
            // Most strings have no escapes. They are borrowed from the page instead of being
            // copied.
            Some(b'"') if !text.contains('\\') => Self::Text(text[1..text.len() - 1].into()),
            Some(b'"') => Self::escaped(text),
            Some(b'[' | b'{') | None => Self::Other(text),
            Some(_) => Self::Literal(text),
        }
    }

    /// Reads the next value of a text.
    pub(crate) fn read(json: &mut Reader<'a>) -> json::Result<Self> {
        Ok(match json.kind()? {
            json::Kind::Text => {
                let text = json.string()?;
                match text.plain() {
                    Some(plain) => Self::Text(plain.into()),
                    None => Self::escaped(text.quoted()),
                }
            }
            json::Kind::Null => {
                json.literal()?;
                Self::Null
            }
            json::Kind::Bool | json::Kind::Number => Self::Literal(json.literal()?),
            json::Kind::List | json::Kind::Object => Self::Other(json.skip()?),
        })
    }

    /// The value of a string with escapes.
    fn escaped(quoted: &'a str) -> Self {
        serde_json::from_str::<String>(quoted)
            // Half a surrogate pair is legal JSON, but not valid text.
            .or_else(|_| serde_json::from_str(&legal_json(quoted)))
            .map_or(Self::Other(quoted), |text| Self::Text(text.into()))
    }

    /// Whether the value is not part of the page as it was received.
    pub(crate) fn is_owned(&self) -> bool {
        matches!(self, Self::Text(Cow::Owned(_)))
    }

    /// Converts the value back to JSON.
    pub(crate) fn to_json(&self) -> String {
        match self {
            Self::Text(text) => serde_json::Value::from(&**text).to_string(),
            _ => self.as_written().to_owned(),
        }
    }

    /// Whether the value contains a character that could not be decoded.
    pub(crate) fn is_damaged(&self) -> bool {
        self.as_written().contains(UNREADABLE)
    }

    /// Returns the value as the `issues` table shows it.
    pub(crate) fn as_written(&self) -> &str {
        match self {
            Self::Null => "null",
            Self::Text(text) => text,
            Self::Literal(text) | Self::Other(text) => text,
        }
    }
}

/// The result of adding a value to a column.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pushed<'a> {
    /// Nothing was added, because the value means "none".
    Nothing,
    /// The value was added.
    Stored,
    /// The value was added without this offset, which was written after it.
    StoredWithoutOffset(Cow<'a, str>),
    /// The value does not fit, for this reason. Nothing was added.
    Misfit(&'static str),
}

/// A builder for one column that is filled from JSON.
#[derive(Debug)]
pub(crate) enum ColumnBuilder {
    Text(StringBuilder),
    Json(StringBuilder),
    Int(Int64Builder),
    Id(Int64Builder),
    Float(Float64Builder),
    Bool(BooleanBuilder),
    Timestamp(TimestampMicrosecondBuilder),
    /// Like `Timestamp`, with the time zone UTC.
    Instant(TimestampMicrosecondBuilder),
}

impl ColumnBuilder {
    pub(crate) fn new(kind: Kind) -> Self {
        match kind {
            Kind::Text => Self::Text(StringBuilder::with_capacity(0, 0)),
            Kind::Json => Self::Json(StringBuilder::with_capacity(0, 0)),
            Kind::Int => Self::Int(Int64Builder::with_capacity(0)),
            Kind::Id => Self::Id(Int64Builder::with_capacity(0)),
            Kind::Float => Self::Float(Float64Builder::with_capacity(0)),
            Kind::Bool => Self::Bool(BooleanBuilder::with_capacity(0)),
            Kind::Timestamp => Self::Timestamp(TimestampMicrosecondBuilder::with_capacity(0)),
            Kind::Instant => Self::Instant(
                TimestampMicrosecondBuilder::with_capacity(0)
                    .with_data_type(Kind::Instant.data_type()),
            ),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Text(builder) | Self::Json(builder) => builder.len(),
            Self::Int(builder) | Self::Id(builder) => builder.len(),
            Self::Float(builder) => builder.len(),
            Self::Bool(builder) => builder.len(),
            Self::Timestamp(builder) | Self::Instant(builder) => builder.len(),
        }
    }

    pub(crate) fn push_nulls(&mut self, count: usize) {
        match self {
            Self::Text(builder) | Self::Json(builder) => builder.append_nulls(count),
            Self::Int(builder) | Self::Id(builder) => builder.append_nulls(count),
            Self::Float(builder) => builder.append_nulls(count),
            Self::Bool(builder) => builder.append_nulls(count),
            Self::Timestamp(builder) | Self::Instant(builder) => builder.append_nulls(count),
        }
    }

    pub(crate) fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(builder) | Self::Json(builder) => ArrayBuilder::finish(builder),
            Self::Int(builder) | Self::Id(builder) => ArrayBuilder::finish(builder),
            Self::Float(builder) => ArrayBuilder::finish(builder),
            Self::Bool(builder) => ArrayBuilder::finish(builder),
            Self::Timestamp(builder) | Self::Instant(builder) => ArrayBuilder::finish(builder),
        }
    }

    /// Adds a value, unless it means "none" or does not fit.
    pub(crate) fn push<'a>(&mut self, value: &Scalar<'a>) -> Pushed<'a> {
        match (self, value) {
            (_, Scalar::Null) => Pushed::Nothing,
            (Self::Text(builder), value) => push_text(builder, value),
            (Self::Json(builder), value) => push_json(builder, value),
            // Text columns decide for themselves whether a blank text is a value.
            (_, Scalar::Text(text)) if is_blank(text) => Pushed::Nothing,
            (Self::Int(builder), value) => {
                push_parsed(integer(value), "not an integer", |number| {
                    builder.append_value(number);
                })
            }
            (Self::Id(builder), value) => match integer(value) {
                // The API writes 0 for "no folder" and similar. A foreign key of 0 would join with
                // nothing.
                Some(0) => Pushed::Nothing,
                number => push_parsed(number, "not an integer", |number| {
                    builder.append_value(number);
                }),
            },
            (Self::Float(builder), value) => push_parsed(float(value), "not a number", |number| {
                builder.append_value(number);
            }),
            (Self::Bool(builder), value) => {
                push_parsed(boolean(value), "not true or false", |truth| {
                    builder.append_value(truth);
                })
            }
            (Self::Timestamp(builder) | Self::Instant(builder), value) => {
                push_timestamp(builder, value)
            }
        }
    }
}

fn is_blank(text: &str) -> bool {
    let first = text.as_bytes().first();
    !first.is_some_and(u8::is_ascii_graphic) && text.trim().is_empty()
}

fn push_parsed<'a, T>(
    parsed: Option<T>,
    reason: &'static str,
    append: impl FnOnce(T),
) -> Pushed<'a> {
    match parsed {
        Some(value) => {
            append(value);
            Pushed::Stored
        }
        None => Pushed::Misfit(reason),
    }
}

fn push_text<'a>(builder: &mut StringBuilder, value: &Scalar<'a>) -> Pushed<'a> {
    match value {
        // The API pads some columns with spaces up to a fixed width, so trailing spaces carry no
        // meaning.
        Scalar::Text(text) if text.ends_with(' ') => {
            builder.append_value(text.trim_end_matches(' '));
        }
        Scalar::Text(text) => builder.append_value(text),
        Scalar::Literal(text) => builder.append_value(text),
        _ => return Pushed::Misfit("not text"),
    }
    Pushed::Stored
}

fn push_json<'a>(builder: &mut StringBuilder, value: &Scalar<'a>) -> Pushed<'a> {
    match value {
        Scalar::Text(text) => builder.append_value(serde_json::Value::from(&**text).to_string()),
        // JSON is stored as it was received, so that numbers keep their digits, but it must be
        // legal for readers of the table.
        _ => builder.append_value(legal_json(value.as_written())),
    }
    Pushed::Stored
}

fn push_timestamp<'a>(builder: &mut TimestampMicrosecondBuilder, value: &Scalar<'a>) -> Pushed<'a> {
    let Scalar::Text(text) = value else {
        return Pushed::Misfit("not a timestamp");
    };
    match parse_timestamp(text) {
        None => Pushed::Misfit("not a timestamp"),
        Some(Stamp::Absent) => Pushed::Nothing,
        Some(Stamp::At { micros, offset }) => {
            // The offset is kept in `_extra` instead of being applied. Applying it would mix two
            // meanings in one column, because other rows have no offset.
            builder.append_value(micros);
            match offset {
                None => Pushed::Stored,
                Some(offset) => Pushed::StoredWithoutOffset(offset.to_owned().into()),
            }
        }
    }
}

/// Returns the integer that a column would store for the JSON value with this text, if any.
///
/// Code that looks at a response before it is decoded uses this, so that it reads numbers in the
/// same way.
pub fn integer_of(json: &str) -> Option<i64> {
    integer(&Scalar::of(json))
}

/// Returns the text that a column would store for the JSON value with this text, if any.
pub fn text_of(json: &str) -> Option<Cow<'_, str>> {
    match Scalar::of(json) {
        Scalar::Text(Cow::Borrowed(text)) => Some(text.trim_end_matches(' ').into()),
        Scalar::Text(Cow::Owned(text)) => Some(text.trim_end_matches(' ').to_owned().into()),
        Scalar::Literal(text) => Some(text.into()),
        Scalar::Null | Scalar::Other(_) => None,
    }
}

fn integer(value: &Scalar<'_>) -> Option<i64> {
    number_text(value).and_then(scalar::integer)
}

fn float(value: &Scalar<'_>) -> Option<f64> {
    number_text(value).and_then(scalar::float)
}

fn boolean(value: &Scalar<'_>) -> Option<bool> {
    number_text(value).and_then(scalar::boolean)
}

/// Returns the text of a number or a boolean, in quotes or not.
fn number_text<'s>(value: &'s Scalar<'_>) -> Option<&'s str> {
    match value {
        Scalar::Text(text) => Some(text),
        Scalar::Literal(text) => Some(text),
        Scalar::Null | Scalar::Other(_) => None,
    }
}
