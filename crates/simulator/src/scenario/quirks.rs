//! The ways in which the responses of real tenants differ.

use serde::{Deserialize, Serialize};

/// The form in which FortiCloud answers. The defaults are the most common form in recorded
/// responses.
///
/// Too little is published about the other systems to simulate variants of them; of these settings,
/// only `unknown_fields` affects them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an independent habit of a tenant, switched by name in a file"
)]
pub struct Quirks {
    /// The spelling of an OU's parent. With `parentID`, the organization's name is included as
    /// well, as in a recorded response.
    pub parent_key: ParentKey,
    /// The parent of the root OU.
    pub root_parent: RootParent,
    /// How an empty list inside a row is written.
    pub nested_arrays: Arrays,
    /// How an empty list of rows is written.
    pub top_arrays: Arrays,
    /// How `products/list` answers if it finds nothing.
    pub empty: Empty,
    /// Whether `%` is a wildcard. If not, it only matches itself, and a prefix without `%` still
    /// matches.
    pub wildcard: bool,
    /// The form of timestamps.
    pub dates: Dates,
    /// The form of a missing timestamp.
    pub null_dates: NullDates,
    /// Whether integers are written in quotes, except the envelope's own `status` and error code.
    pub quoted_integers: bool,
    /// Whether `levelDesc` is padded to 40 characters, `typeDesc` to 255 or 23, and every SKU to
    /// 30.
    pub padded_text: bool,
    /// Whether rows of every kind have the undescribed fields `siteCode` and `extension`.
    pub unknown_fields: bool,
    /// Whether the first row of each page and list appears twice, and pending products also appear
    /// in the list of registered ones.
    pub duplicate_rows: bool,
    /// Whether the descriptions of products and OUs contain text that breaks careless software.
    pub hostile_text: bool,
    /// Whether some values in lists have a wrong type: a level as a word, an invalid date, an
    /// object in place of a number.
    pub misfits: bool,
    /// Whether assets and their details lack the account id.
    pub missing_account_id: bool,
    /// Whether assets lack account, folder and status, and answers lack page fields, as before
    /// 2023. Everything is on one page.
    pub old_shape: bool,
    /// Whether the envelope consists only of `status` and `message`.
    pub bare_envelope: bool,
    /// Whether `error` is a text.
    pub error_as_text: bool,
    /// Whether some products have warranty supports.
    pub warranty_supports: bool,
    /// Whether licenses, contracts and folders have the fields that only some clients' types
    /// contain (dates, description, registration code, asset count), and details have a warranty
    /// type and license keys.
    pub extended_lists: bool,
    /// The form of licenses in `products/details`.
    pub license_form: LicenseForm,
    /// Whether every list is divided into pages of `page_size` and says so, not just products. The
    /// real service has not been seen to do that, but nothing rules it out.
    pub page_every_list: bool,
}

/// The spelling of an OU's parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ParentKey {
    /// `parentId`, as in most sources.
    #[serde(rename = "parentId")]
    ParentId,
    /// `parentID`, as in one report from the field.
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
    /// As in recorded responses: inside rows, some `[]` and some `null`; `null` for a list of rows.
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
    /// All of these forms, alternating.
    Mixed,
}

/// The form of a missing timestamp.
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
            page_every_list: false,
        }
    }
}
