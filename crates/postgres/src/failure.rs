//! Translates errors of the PostgreSQL library and of the server.

use std::error::Error as StdError;
use std::fmt::Display;
use std::io;

use rustls::CertificateError;
use tokio_postgres::error::{DbError, SqlState};

use crate::{Error, Kind, ServerAddress};

#[cfg(test)]
mod tests;

/// The error of a statement: "cannot `action`", with what the server said as the cause.
pub fn statement(action: impl Display, error: &tokio_postgres::Error) -> Error {
    let Some(found) = error.as_db_error() else {
        let text = format!("cannot {action}");
        return Error::new(Kind::Unavailable, text).with_source(root(error));
    };
    let text = match *found.code() {
        SqlState::QUERY_CANCELED if found.message().contains("statement timeout") => {
            format!("cannot {action} within `statement_timeout`")
        }
        SqlState::INSUFFICIENT_PRIVILEGE => format!("cannot {action}: a privilege is missing"),
        SqlState::READ_ONLY_SQL_TRANSACTION => {
            format!("cannot {action}: the server accepts no changes; it may be a standby")
        }
        _ => format!("cannot {action}"),
    };
    Error::new(kind(found.code()), text).with_source(told(found))
}

/// The error of an attempt to connect. It says which of server, TLS, password and database is the problem.
pub(crate) fn connecting(target: &ServerAddress, error: &tokio_postgres::Error) -> Error {
    let servers = target.servers();
    if let Some(found) = error.as_db_error() {
        let (kind, text) = match *found.code() {
            SqlState::INVALID_PASSWORD | SqlState::INVALID_AUTHORIZATION_SPECIFICATION => (
                Kind::Config,
                format!("`{servers}` rejected the user `{}`", target.user()),
            ),
            SqlState::INVALID_CATALOG_NAME => (
                Kind::Config,
                format!(
                    "the database `{}` does not exist on `{servers}`",
                    target.database()
                ),
            ),
            SqlState::INSUFFICIENT_PRIVILEGE => (
                Kind::Config,
                format!(
                    "the user `{}` may not connect to the database `{}`",
                    target.user(),
                    target.database()
                ),
            ),
            // PgBouncer uses this code for everything, and its text is the only hint.
            SqlState::PROTOCOL_VIOLATION if is_about_login(found.message()) => (
                Kind::Config,
                format!(
                    "`{servers}` rejected the user `{}` or the database `{}`",
                    target.user(),
                    target.database()
                ),
            ),
            _ => {
                // Unless the configuration is wrong, a later attempt may succeed.
                let kind = match kind(found.code()) {
                    Kind::Config => Kind::Config,
                    _ => Kind::Unavailable,
                };
                (kind, format!("`{servers}` refused the connection"))
            }
        };
        return Error::new(kind, text).with_source(told(found));
    }
    if let Some(reason) = tls(target, error) {
        let text = format!("cannot establish a TLS connection to `{servers}`");
        return Error::new(Kind::Config, text).with_source(reason);
    }
    let cause = root(error);
    let text = format!("cannot connect to `{servers}`");
    let kind = match cause.as_str() {
        "password missing" | "user missing" => Kind::Config,
        _ => Kind::Unavailable,
    };
    Error::new(kind, text).with_source(cause)
}

fn is_about_login(message: &str) -> bool {
    ["password", "no such user", "no such database", "auth"]
        .iter()
        .any(|word| message.contains(word))
}

/// Why TLS failed, if it did.
fn tls(target: &ServerAddress, error: &tokio_postgres::Error) -> Option<String> {
    let found = find(error, |error| error.downcast_ref::<rustls::Error>());
    if let Some(found) = found {
        return Some(match found {
            rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => format!(
                "the server's certificate is not signed by a known CA; for a private CA, set {}",
                target.ca_setting
            ),
            rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            ) => format!("the server's certificate is for another host name: {found}"),
            other => other.to_string(),
        });
    }
    let text = root(error);
    (text == "server does not support TLS").then(|| {
        "the server does not offer TLS; to connect without it, add `sslmode=disable` to the URL"
            .to_owned()
    })
}

/// What a caller can do about an SQLSTATE. The first two characters are its class.
fn kind(code: &SqlState) -> Kind {
    match code.code() {
        // The disk is full, or `temp_file_limit` is reached.
        "53100" | "53400" => Kind::Full,
        // A standby, or a transaction in which this process was stopped for too long.
        "25006" | "25P03" => Kind::Unavailable,
        // A table that somebody else changed or owns, or a missing privilege, needs an administrator.
        text => match text.get(..2).unwrap_or_default() {
            "28" | "3D" | "3F" | "42" | "0A" => Kind::Config,
            // The connection, a rollback, a lock, resources, an operator, or the system.
            "08" | "40" | "53" | "55" | "57" | "58" => Kind::Unavailable,
            // The data: a value, a constraint, or a limit such as the size of an index entry.
            "22" | "23" | "44" | "54" => Kind::Rejected,
            _ => Kind::Internal,
        },
    }
}

/// The server's message on one line.
fn told(error: &DbError) -> String {
    let mut text = error.message().to_owned();
    for more in [error.detail(), error.hint()].into_iter().flatten() {
        text.push_str("; ");
        text.push_str(more);
    }
    format!(
        "{} (SQLSTATE {})",
        text.replace('\n', " "),
        error.code().code()
    )
}

/// The text of the innermost error.
fn root(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let _ = find(error, |error| {
        text = error.to_string();
        None::<&()>
    });
    text
}

/// The first error in the chain for which `pick` returns something.
///
/// The `source` of an [`io::Error`] is the source of the error that it wraps, so following sources alone would skip the
/// wrapped error.
fn find<'a, T>(
    error: &'a (dyn StdError + 'static),
    mut pick: impl FnMut(&'a (dyn StdError + 'static)) -> Option<T>,
) -> Option<T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = pick(error) {
            return Some(found);
        }
        let wrapped = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        next = match wrapped {
            Some(wrapped) => Some(wrapped as &(dyn StdError + 'static)),
            None => error.source(),
        };
    }
    None
}
