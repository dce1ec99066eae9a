//! The database's URL: which server to connect to, and whether to use TLS.

use std::time::Duration;

use tokio_postgres::config::{Host, SslMode};

use crate::{Error, Kind, Result};

#[cfg(test)]
mod tests;

/// A server and a database, read from a URL.
#[derive(Clone)]
pub struct ServerAddress {
    pub(crate) config: tokio_postgres::Config,
    /// Whether to use TLS.
    pub security: Security,
    /// The setting that names the certificates of a private CA, for messages.
    pub(crate) ca_setting: &'static str,
}

/// Whether the connection uses TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS, with a certificate that is valid for the host name and signed by a known CA.
    Verified,
    /// No TLS: the URL asks for that, or the server is on this machine.
    Plain,
}

/// The parameters of a URL that the PostgreSQL library reads. All others are refused.
const PARAMETERS: [&str; 10] = [
    "application_name",
    "channel_binding",
    "dbname",
    "host",
    "hostaddr",
    "load_balance_hosts",
    "options",
    "password",
    "port",
    "user",
];

/// As [`PARAMETERS`], for several servers of which one accepts writes.
const TARGET_SESSION: &str = "target_session_attrs";

/// Parameters of other PostgreSQL clients that are not supported here, so their names are no secret.
const UNSUPPORTED: [&str; 12] = [
    "client_encoding",
    "connect_timeout",
    "gssencmode",
    "keepalives",
    "passfile",
    "require_auth",
    "service",
    "sslcert",
    "sslcrl",
    "sslkey",
    "sslnegotiation",
    "tcp_user_timeout",
];

impl ServerAddress {
    /// Reads a URL. Errors quote no part of it that could be the password.
    ///
    /// `ca_setting` is the name of the setting that names the certificates of a private CA, for messages.
    pub fn parse(url: &str, ca_setting: &'static str, connect_timeout: Duration) -> Result<Self> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(config(
                "the URL must begin with `postgres://` or `postgresql://`",
            ));
        }
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let mut mode = None;
        let mut kept = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("sslmode", value)) => mode = Some(value),
                Some(("sslrootcert", _)) => {
                    return Err(config(format!(
                        "the URL contains `sslrootcert`; set the option {ca_setting} instead"
                    )));
                }
                Some((name, _)) if name == TARGET_SESSION || PARAMETERS.contains(&name) => {
                    kept.push(pair);
                }
                Some((name, _)) if UNSUPPORTED.contains(&name) => {
                    let text =
                        format!("the URL contains the parameter `{name}`, which is not supported");
                    return Err(config(text));
                }
                // Do not quote it: behind a `?` that is not percent-encoded, it is a part of the password.
                _ => {
                    return Err(config(
                        "the URL contains an unknown parameter; `?` in a password must be percent-encoded",
                    ));
                }
            }
        }
        let url = match kept.as_slice() {
            [] => base.to_owned(),
            kept => format!("{base}?{}", kept.join("&")),
        };
        // Drop the library's error: it may quote what it cannot read.
        let mut parsed: tokio_postgres::Config = url.parse().map_err(|_| {
            config(
                "the URL cannot be read; characters such as `@`, `/` and `%` in a password must be percent-encoded",
            )
        })?;
        if parsed.get_hosts().is_empty() && parsed.get_hostaddrs().is_empty() {
            return Err(config("the URL names no host"));
        }
        let security = security(mode, &parsed)?;
        parsed.ssl_mode(match security {
            Security::Verified => SslMode::Require,
            Security::Plain => SslMode::Disable,
        });
        if parsed.get_application_name().is_none() {
            parsed.application_name("fortilake");
        }
        parsed.connect_timeout(connect_timeout);
        // Without these, a connection whose other end has vanished is only noticed by the statement's deadline.
        parsed.keepalives_idle(Duration::from_secs(30));
        parsed.keepalives_interval(Duration::from_secs(10));
        parsed.keepalives_retries(3);
        Ok(Self {
            config: parsed,
            security,
            ca_setting,
        })
    }

    /// Whether the URL contained a password.
    pub fn has_password(&self) -> bool {
        self.config.get_password().is_some()
    }

    /// Sets the password, for callers that keep it apart from the URL.
    pub fn set_password(&mut self, password: &str) {
        self.config.password(password);
    }

    /// The servers as `HOST:PORT`, for messages.
    pub fn servers(&self) -> String {
        let port = |index: usize| {
            let ports = self.config.get_ports();
            *ports.get(index).or_else(|| ports.first()).unwrap_or(&5432)
        };
        let hosts = self.config.get_hosts().iter().map(|host| match host {
            Host::Tcp(name) if name.contains(':') => format!("[{name}]"),
            Host::Tcp(name) => name.clone(),
            #[cfg(unix)]
            Host::Unix(path) => path.display().to_string(),
        });
        let mut hosts: Vec<_> = hosts.collect();
        if hosts.is_empty() {
            let addresses = self.config.get_hostaddrs().iter();
            hosts = addresses.map(ToString::to_string).collect();
        }
        let hosts = hosts.iter().enumerate();
        let hosts: Vec<_> = hosts
            .map(|(index, host)| format!("{host}:{}", port(index)))
            .collect();
        hosts.join(",")
    }

    /// The user's name.
    pub fn user(&self) -> &str {
        self.config.get_user().unwrap_or_default()
    }

    /// The name of the database. Without one in the URL, PostgreSQL uses the user's name.
    pub fn database(&self) -> &str {
        self.config.get_dbname().unwrap_or(self.user())
    }
}

/// The security that `sslmode` asks for; without it, TLS for all servers except those on this machine.
///
/// `allow` and `prefer` are refused: somebody between us and the server can turn their TLS off without being noticed.
fn security(mode: Option<&str>, config: &tokio_postgres::Config) -> Result<Security> {
    match mode {
        Some("disable") => Ok(Security::Plain),
        None if config.get_hosts().iter().all(is_local) && config.get_hostaddrs().is_empty() => {
            Ok(Security::Plain)
        }
        Some("require" | "verify-ca" | "verify-full") | None => Ok(Security::Verified),
        Some(_) => Err(self::config(
            "`sslmode` in the URL must be `verify-full` (the default) or `disable`; \
             `require` and `verify-ca` verify as much as `verify-full`",
        )),
    }
}

fn is_local(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            let address = name.parse::<std::net::IpAddr>();
            name == "localhost" || address.is_ok_and(|address| address.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

fn config(text: impl Into<String>) -> Error {
    Error::new(Kind::Config, text)
}
