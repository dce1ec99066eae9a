//! What lies between the sink and the server: a pooler, and a connection that breaks.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fortilake_sink::{Options, Standing};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use super::crawls::{Load, changes, column, rows};
use fortilake_postgres::testing::{as_user, connect, free_port, own, server};

/// PgBouncer in transaction mode with one connection to the server, which all clients share.
struct Pooler {
    process: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Pooler {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\n\
             default_pool_size = 1\nlogfile = {}\n",
            server().port,
            folder.path().join("log").display(),
        );
        // With `auth_type = any`, the user of the connection to the server must be named.
        let settings = settings.replace("port=", "user=postgres port=");
        let path = folder.path().join("pgbouncer.ini");
        fs::write(&path, settings).unwrap();
        own(folder.path());
        let program = [
            "/usr/sbin/pgbouncer",
            "/usr/bin/pgbouncer",
            "/opt/homebrew/bin/pgbouncer",
        ];
        let program = program
            .into_iter()
            .map(Path::new)
            .find(|path| path.exists());
        let program = program
            .expect("PgBouncer is not installed; on Debian, run `apt-get install pgbouncer`");
        let process = as_user(program)
            .arg(&path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                break;
            }
            sleep(Duration::from_millis(50)).await;
        }
        Self {
            process,
            port,
            _folder: folder,
        }
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let id = self.process.id().to_string();
        // `kill` lets it close its connections.
        let _ = Command::new("kill").arg(id).status();
        let _ = self.process.wait();
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL and PgBouncer: cargo xtask interop"]
async fn works_behind_a_pooler_in_transaction_mode() {
    let database = server().database().await;
    let pooler = Pooler::start().await;
    let url = format!(
        "postgres://postgres@127.0.0.1:{}/{}",
        pooler.port, database.name
    );
    let options = Options::from_iter([("url", json!(url))]);
    let load = |number, name| {
        let load = Load::new(number).account(1);
        load.rows("things", &[(1, None, Some(name))])
            .rows("parts", &[(1, None, Some(name))])
    };
    // Two sinks and another client take turns on the one connection.
    let first = load(1, "one").begin(&options).await.unwrap();
    let second = load(2, "two").begin(&options).await.unwrap();
    let other = connect(&url).await;
    let (one, two) = (load(1, "one").outcome(), load(2, "two").outcome());
    let others = async {
        for _ in 0..20 {
            other.simple_query("SELECT 1").await.unwrap();
        }
    };
    let (first, second, ()) = tokio::join!(first.finish(&one), second.finish(&two), others);
    first.unwrap();
    assert_eq!(second.unwrap().standing, Standing::Latest);
    assert_eq!(rows(&database, "things").await, ["1 - two"]);
    // Nothing of the sink is left on the shared connection: no setting, lock, statement or temporary table.
    let left = "SELECT concat_ws(' ', current_setting('statement_timeout'), \
                (SELECT count(*) FROM pg_prepared_statements), \
                (SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database \
                  WHERE locktype = 'advisory' AND datname = current_database()), \
                (SELECT count(*) FROM pg_class WHERE relpersistence = 't'))";
    let messages = other.simple_query(left).await.unwrap();
    let row = messages.iter().find_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    assert_eq!(row, Some("0 0 0 0"));
}

/// Forwards connections to the server, and breaks them when the server confirms a commit whose transaction changed
/// tables. `claims` confirmations are let through before.
async fn break_at_commit(claims: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut commits = 0;
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut server = TcpStream::connect(("127.0.0.1", server().port))
                .await
                .unwrap();
            let (mut to_sink, mut to_server) = ([0; 8192], [0; 8192]);
            loop {
                tokio::select! {
                    read = server.read(&mut to_sink) => {
                        let read = read.unwrap_or(0);
                        let is_commit = to_sink[..read].windows(7).any(|part| part == b"COMMIT\0");
                        commits += usize::from(is_commit);
                        if read == 0 || (is_commit && commits == claims + 1) {
                            break;
                        }
                        client.write_all(&to_sink[..read]).await.unwrap();
                    }
                    read = client.read(&mut to_server) => match read {
                        Ok(read) if read > 0 => server.write_all(&to_server[..read]).await.unwrap(),
                        _ => break,
                    },
                }
            }
        }
    });
    port
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
async fn a_commit_whose_answer_is_lost_is_found() {
    let database = server().database().await;
    // The first commit is that of the claim.
    let port = break_at_commit(1).await;
    let url = format!("postgres://postgres@127.0.0.1:{port}/{}", database.name);
    let options = Options::from_iter([("url", json!(url))]);
    let load = Load::new(1)
        .account(1)
        .rows("things", &[(1, None, Some("one"))]);
    let receipt = load.deliver_with(&options).await.unwrap();
    assert_eq!(receipt.rows, 1);
    assert_eq!(rows(&database, "things").await, ["1 - one"]);
    assert_eq!(changes(&database).await, ["1/0/0"]);
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
async fn a_claim_whose_answer_is_lost_keeps_its_name() {
    let database = server().database().await;
    let port = break_at_commit(0).await;
    let url = format!("postgres://postgres@127.0.0.1:{port}/{}", database.name);
    let options = Options::from_iter([("url", json!(url))]);
    let load = Load::new(1)
        .account(1)
        .rows("things", &[(1, None, Some("one"))]);
    assert!(load.begin(&options).await.err().unwrap().is_transient());
    load.deliver_with(&options).await.unwrap();
    let names = "SELECT name FROM fortinet.fortilake_snapshots";
    assert_eq!(column(&database, names).await, ["20260901T120100Z"]);
}
