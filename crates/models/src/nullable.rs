//! A member of a request for which null has a meaning.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[cfg(test)]
mod tests;

/// A member of a request that can be absent, null, or have a value.
///
/// An absent member leaves things unchanged, while null removes what was there, for example a
/// product's location or its folder.
///
/// ```
/// use fortilake_models::{Nullable, generated::types::ProductsFolderRequest};
///
/// let request = |folder_id| ProductsFolderRequest {
///     serial_numbers: vec!["FGT60FTK23900101".to_owned()],
///     folder_id,
/// };
/// let json = |folder_id| serde_json::to_string(&request(folder_id));
/// assert_eq!(json(Nullable::Absent)?, r#"{"serialNumbers":["FGT60FTK23900101"]}"#);
/// assert_eq!(json(Nullable::Null)?, r#"{"serialNumbers":["FGT60FTK23900101"],"folderId":null}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Nullable<T> {
    /// The member is not sent.
    #[default]
    Absent,
    /// The member is sent as null.
    Null,
    /// The member is sent with this value.
    Value(T),
}

impl<T> Nullable<T> {
    /// Whether the member is not sent.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

/// `None` becomes null, not absent: absent is the default, so a caller that wants it doesn't set
/// the member at all.
impl<T> From<Option<T>> for Nullable<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Self::Value)
    }
}

impl<T: Serialize> Serialize for Nullable<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Absent | Self::Null => serializer.serialize_none(),
            Self::Value(value) => serializer.serialize_some(value),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Nullable<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::from)
    }
}
