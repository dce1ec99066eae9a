//! What `probe` and `open` say about targets that cannot work. No message contains the password.

use std::error::Error as _;

use fortilake_sink::{Error, Kind, Options, registry};
use serde_json::json;

use super::crawls::{Load, column};
use fortilake_postgres::testing::{HOST, free_port, server};

const PASSWORD: &str = "hunter2-s3cret";

async fn probe(options: &Options) -> Result<(), Error> {
    let descriptor = registry::find("postgres").unwrap();
    (descriptor.probe)(options.clone()).await
}

/// Probes and opens with a URL and more options, and checks that both fail in the same way.
async fn refuse(url: &str, more: &[(&str, serde_json::Value)], kind: Kind, wanted: &str) {
    let url = [("url", json!(url))]
        .into_iter()
        .chain(more.iter().cloned());
    let options: Options = url.collect();
    let opened = Load::new(1).begin(&options).await.err().unwrap();
    for error in [probe(&options).await.unwrap_err(), opened] {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            text = format!("{text}: {error}");
            source = error.source();
        }
        assert_eq!(error.kind(), kind, "{text}");
        assert!(text.contains(wanted), "no `{wanted}` in `{text}`");
        assert!(!format!("{text} {error:?}").contains(PASSWORD), "{text}");
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
async fn a_server_that_cannot_be_reached() {
    let url = format!("postgres://u:{PASSWORD}@no-such-host.invalid/x?sslmode=disable");
    let wanted = "cannot connect to `no-such-host.invalid:5432`";
    refuse(&url, &[], Kind::Unavailable, wanted).await;
    let port = free_port();
    let url = format!("postgres://u:{PASSWORD}@127.0.0.1:{port}/x");
    refuse(&url, &[], Kind::Unavailable, "refused").await;
    // A server that accepts connections and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let url = format!("postgres://u:{PASSWORD}@127.0.0.1:{port}/x");
    let limit = [("connect_timeout", json!("200ms"))];
    let wanted = "did not respond within 200 ms";
    refuse(&url, &limit, Kind::Unavailable, wanted).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
async fn a_login_that_is_rejected() {
    let database = server().database().await;
    let client = database.client().await;
    let create = "DO $$ BEGIN CREATE ROLE secret LOGIN PASSWORD 'right'; \
                  EXCEPTION WHEN duplicate_object THEN NULL; END $$";
    client.batch_execute(create).await.unwrap();
    let port = server().port;
    let at = format!("127.0.0.1:{port}/{}", database.name);
    let url = format!("postgres://secret:{PASSWORD}@{at}");
    refuse(&url, &[], Kind::Config, "rejected the user `secret`").await;
    let url = format!("postgres://secret@{at}");
    refuse(&url, &[], Kind::Config, "password missing").await;
    let url = format!("postgres://nobody:{PASSWORD}@{at}");
    refuse(&url, &[], Kind::Config, "rejected the user `nobody`").await;
    let url = format!("postgres://postgres:{PASSWORD}@127.0.0.1:{port}/no_such_database");
    let wanted = "the database `no_such_database` does not exist";
    refuse(&url, &[], Kind::Config, wanted).await;
    // With the right password, the user lacks the privilege to create the schema.
    let url = format!("postgres://secret:right@{at}");
    let wanted = "CREATE SCHEMA \"fortinet\" AUTHORIZATION \"secret\"";
    refuse(&url, &[], Kind::Config, wanted).await;
    client
        .batch_execute("CREATE SCHEMA fortinet")
        .await
        .unwrap();
    let wanted = "GRANT USAGE, CREATE ON SCHEMA \"fortinet\" TO \"secret\"";
    refuse(&url, &[], Kind::Config, wanted).await;
    let revoke = format!("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC", database.name);
    client.batch_execute(&revoke).await.unwrap();
    refuse(&url, &[], Kind::Config, "GRANT TEMPORARY").await;
    // The privileges that the documentation names are enough.
    let grant = format!(
        "GRANT TEMPORARY ON DATABASE {} TO secret; GRANT USAGE, CREATE ON SCHEMA fortinet TO secret",
        database.name
    );
    client.batch_execute(&grant).await.unwrap();
    let options = Options::from_iter([("url", json!(url))]);
    probe(&options).await.unwrap();
    let load = Load::new(1)
        .account(1)
        .rows("things", &[(1, None, Some("one"))]);
    load.deliver_with(&options).await.unwrap();
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
async fn a_database_that_is_not_utf8() {
    let create = "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1'";
    let client = fortilake_postgres::testing::connect(&server().url("postgres", "postgres")).await;
    client.batch_execute(create).await.unwrap();
    let url = server().url("postgres", "latin");
    refuse(&url, &[], Kind::Config, "UTF8 is required").await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
async fn tls_verifies_the_ca_and_the_host_name() {
    let database = server().database().await;
    let url = |host: &str, mode: &str| {
        let (port, name) = (server().port, &database.name);
        format!("postgres://postgres:{PASSWORD}@{host}:{port}/{name}?sslmode={mode}")
    };
    let ca = [("ca_cert", json!(server().ca()))];
    let options = |url: String| {
        let url = [("url", json!(url))].into_iter();
        url.chain(ca.iter().cloned()).collect::<Options>()
    };
    for mode in ["require", "verify-full"] {
        probe(&options(url(HOST, mode))).await.unwrap();
    }
    // The certificate is for another name than the one in the URL.
    let wanted = "another host name";
    refuse(&url("127.0.0.1", "verify-full"), &ca, Kind::Config, wanted).await;
    refuse(&url("127.0.0.1", "require"), &ca, Kind::Config, wanted).await;
    // Without `ca_cert`, only the CAs of the system are trusted.
    refuse(&url(HOST, "verify-full"), &[], Kind::Config, "`ca_cert`").await;
    let missing = [("ca_cert", json!("/no/such/file.pem"))];
    refuse(
        &url(HOST, "require"),
        &missing,
        Kind::Config,
        "/no/such/file.pem",
    )
    .await;

    // The sink's connection is really encrypted.
    let load = Load::new(1)
        .account(1)
        .rows("things", &[(1, None, Some("one"))]);
    let note = "CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                NEW.name := (SELECT concat(ssl, ' ', version) FROM pg_stat_ssl WHERE pid = pg_backend_pid()); \
                RETURN NEW; END $$";
    load.deliver_with(&options(url(HOST, "require")))
        .await
        .unwrap();
    let trigger = "CREATE TRIGGER note BEFORE UPDATE ON fortinet.things \
                   FOR EACH ROW EXECUTE FUNCTION public.note()";
    let client = database.client().await;
    client
        .batch_execute(&format!("{note}; {trigger}"))
        .await
        .unwrap();
    let load = Load::new(2)
        .account(1)
        .rows("things", &[(1, None, Some("two"))]);
    load.deliver_with(&options(url(HOST, "require")))
        .await
        .unwrap();
    let noted = column(&database, "SELECT name FROM fortinet.things").await;
    assert_eq!(noted, ["t TLSv1.3"]);
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
async fn a_probe_leaves_nothing() {
    let database = server().database().await;
    probe(&super::crawls::options(&database, &[]))
        .await
        .unwrap();
    let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname = 'fortinet'";
    assert_eq!(column(&database, schemas).await, ["0"]);
}
