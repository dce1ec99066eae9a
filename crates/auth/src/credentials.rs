//! The credentials used to sign in.

use fortilake_models::Secret;

/// The credentials of an API user, and where each of them came from.
///
/// If they are refused, messages show only the origins, never the values.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The API user's id.
    pub username: String,
    /// Where the user id came from, worded for messages, such as "variable `FORTICLOUD_USERNAME`".
    pub username_origin: String,
    /// The API user's password.
    pub password: Secret,
    /// Where the password came from, worded for messages, such as "file `/run/password`".
    pub password_origin: String,
}
