//! Tests of URLs.

use super::*;

fn parse(url: &str) -> Result<ServerAddress> {
    ServerAddress::parse(url, "`ca_cert`", Duration::from_secs(10))
}

#[test]
fn tls_is_used_except_on_this_machine_or_on_request() {
    for (url, wanted) in [
        ("postgres://u@db.example.org/x", Security::Verified),
        ("postgresql://u@10.0.0.7:6432/x", Security::Verified),
        ("postgres://u@db/x?sslmode=disable", Security::Plain),
        ("postgres://u@db/x?sslmode=require", Security::Verified),
        ("postgres://u@localhost/x", Security::Plain),
        ("postgres://u@127.0.0.1/x", Security::Plain),
        ("postgres://u@[::1]/x", Security::Plain),
        ("postgres://u@%2Fvar%2Frun%2Fpostgresql/x", Security::Plain),
        (
            "postgres:///x?host=/var/run/postgresql&user=u",
            Security::Plain,
        ),
        (
            "postgres://u@localhost/x?sslmode=verify-full",
            Security::Verified,
        ),
        ("postgres://u@localhost,db/x", Security::Verified),
        // The name says this machine, but the address decides where the connection goes.
        (
            "postgres://u@localhost/x?hostaddr=10.0.0.7",
            Security::Verified,
        ),
    ] {
        assert_eq!(parse(url).unwrap().security, wanted, "{url}");
    }
}

#[test]
fn messages_name_servers_and_database() {
    let target = parse("postgres://u:s3cret@one,two:6432/inventory").unwrap();
    assert_eq!(target.user(), "u");
    assert_eq!(target.database(), "inventory");
    assert_eq!(target.servers(), "one:5432,two:6432");
    assert_eq!(
        parse("postgres://u@[::1]/").unwrap().servers(),
        "[::1]:5432"
    );
    assert_eq!(parse("postgres://u@localhost").unwrap().database(), "u");
}

#[test]
fn a_password_can_come_from_elsewhere() {
    assert!(parse("postgres://u:s3cret@db/x").unwrap().has_password());
    assert!(
        parse("postgres://u@db/x?password=s3cret")
            .unwrap()
            .has_password()
    );
    let mut address = parse("postgres://u@db/x").unwrap();
    assert!(!address.has_password());
    address.set_password("s3cret");
    assert_eq!(address.config.get_password(), Some(&b"s3cret"[..]));
}

#[test]
fn urls_that_cannot_be_used_are_refused_without_quoting_secrets() {
    for (url, reason) in [
        ("s3cret", "must begin with"),
        ("mysql://u:s3cret@db/x", "must begin with"),
        ("postgres://u:s3cret@db:port/x", "cannot be read"),
        ("postgres://u:s3cret@db/x?sslmode=prefer", "`sslmode`"),
        ("postgres://u:s3cret@db/x?sslrootcert=ca.pem", "`ca_cert`"),
        ("postgres://u:s3cret@db/x?sslkey=k", "parameter `sslkey`"),
        ("postgres://u:a?s3cret@db/x", "unknown parameter"),
        ("postgres://u:a?s3cret=b@db/x", "unknown parameter"),
        ("postgres:///x?user=u&password=s3cret", "no host"),
    ] {
        let error = parse(url).err().unwrap();
        assert_eq!(error.kind(), Kind::Config, "{url}");
        let text = error.to_string();
        assert!(text.contains(reason), "{url}: {text}");
        assert!(!text.contains("s3cret"), "{url}: {text}");
    }
}
