//! The forms in which real tenants differ.

use serde::{Deserialize, Serialize};

/// In which of the known forms `FortiCloud` answers; the default is the form of most captures.
///
/// Of the other systems too little is published to know any habits; they share `unknown_fields` alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an independent habit of a tenant, switched by name in a file"
)]
pub struct Quirks {
    /// Spelling of an OU's parent; with `parentID` the organization's name is there too, as was seen.
    pub parent_key: ParentKey,
    /// The parent of the root OU.
    pub root_parent: RootParent,
    /// How an empty list inside a row is written.
    pub nested_arrays: Arrays,
    /// How an empty list of rows is written.
    pub top_arrays: Arrays,
    /// How `products/list` answers when nothing was found.
    pub empty: Empty,
    /// Whether `%` is a wildcard; where it is not, it stands for itself and a bare prefix still matches.
    pub wildcard: bool,
    /// The form of timestamps.
    pub dates: Dates,
    /// The form of a timestamp that is not there.
    pub null_dates: NullDates,
    /// Integers are written in quotes (the envelope's own `status` and error code are not).
    pub quoted_integers: bool,
    /// `levelDesc` is padded to 40, `typeDesc` to 255 or 23, every SKU to 30.
    pub padded_text: bool,
    /// Rows of every kind carry the fields `siteCode` and `extension`, which nobody has described.
    pub unknown_fields: bool,
    /// The first row of each page and list is there twice, and pending products are in the list of registered ones too.
    pub duplicate_rows: bool,
    /// Descriptions of products and OUs are what breaks naive software.
    pub hostile_text: bool,
    /// Some values of the lists do not fit their type: a level in words, a date that is none, an object for a number.
    pub misfits: bool,
    /// Assets and their details do not say whose they are.
    pub missing_account_id: bool,
    /// Assets lack account, folder and status, and there are no page fields: the shape before 2023. Everything is in one page.
    pub old_shape: bool,
    /// The envelope is `status` and `message` alone.
    pub bare_envelope: bool,
    /// `error` is text.
    pub error_as_text: bool,
    /// Some products carry warranty supports.
    pub warranty_supports: bool,
    /// Licenses, contracts and folders carry the fields that only some clients' types know: dates, description, registration code, asset count. Details have a type of warranty and license keys.
    pub extended_lists: bool,
    /// The form of licenses in `products/details`.
    pub license_form: LicenseForm,
}

/// Spelling of an OU's parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ParentKey {
    /// As in most sources.
    #[serde(rename = "parentId")]
    ParentId,
    /// As one field report has it.
    #[serde(rename = "parentID")]
    ParentIdUpper,
}

/// The parent of the root OU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RootParent {
    /// `null`.
    Null,
    /// `0`.
    Zero,
    /// The key is missing.
    Absent,
}

/// How an empty list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arrays {
    /// As captured: some `[]`, some `null`; `null` for a list of rows.
    Captured,
    /// `null`.
    Null,
    /// The key is missing.
    Absent,
    /// `[]`.
    Empty,
}

/// How an empty search is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Empty {
    /// Status 0 and error 301.
    #[serde(rename = "error-301")]
    Error301,
    /// Status 0, no error and no rows.
    Null,
    /// Status 1008.
    #[serde(rename = "status-1008")]
    Status1008,
    /// HTTP 404.
    #[serde(rename = "http-404")]
    NotFound,
}

/// The form of timestamps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dates {
    /// `2023-01-09T00:37:25`.
    Naive,
    /// `2023-01-09T00:37:25Z`.
    Utc,
    /// `2023-01-09T00:37:25-08:00`.
    Offset,
    /// `2023-01-09T00:37:25-8:00`.
    ShortOffset,
    /// `2023-01-09 00:37:25`.
    Blank,
    /// `2023-01-09T00:37:25.4831`, with one to six digits.
    Fraction,
    /// All of these, by turns.
    Mixed,
}

/// The form of a timestamp that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NullDates {
    /// `null`.
    Null,
    /// The key is missing.
    Absent,
    /// `0001-01-01T00:00:00`.
    Minimum,
}

/// The form of licenses in `products/details`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LicenseForm {
    /// `license`, an object.
    Object,
    /// `license`, a list.
    List,
    /// `licenses`, a list.
    Plural,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            parent_key: ParentKey::ParentId,
            root_parent: RootParent::Null,
            nested_arrays: Arrays::Captured,
            top_arrays: Arrays::Captured,
            empty: Empty::Error301,
            wildcard: true,
            dates: Dates::Naive,
            null_dates: NullDates::Null,
            quoted_integers: false,
            padded_text: false,
            unknown_fields: false,
            duplicate_rows: false,
            hostile_text: false,
            misfits: false,
            missing_account_id: false,
            old_shape: false,
            bare_envelope: false,
            error_as_text: false,
            warranty_supports: false,
            extended_lists: false,
            license_form: LicenseForm::Object,
        }
    }
}
