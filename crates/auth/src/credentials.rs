//! Who signs in.

use fortilake_models::Secret;

/// The credentials of an API user, and where they came from.
///
/// When they are refused, the origins are all that a message may show of them.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The API user's id.
    pub username: String,
    /// Where the id came from, such as "variable `FORTICLOUD_USERNAME`".
    pub username_origin: String,
    /// The API user's password.
    pub password: Secret,
    /// Where the password came from.
    pub password_origin: String,
}
