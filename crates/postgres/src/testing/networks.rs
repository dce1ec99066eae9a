//! What may be between a client and the server: a pooler, and a network that breaks.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use super::{as_user, free_port, own, server};

/// PgBouncer in transaction mode with one connection to the server, which all clients share.
pub struct Pooler {
    process: Child,
    /// Its port on 127.0.0.1.
    pub port: u16,
    _folder: tempfile::TempDir,
}

impl Pooler {
    /// Starts it. It stops when it is dropped.
    pub async fn start() -> Self {
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

/// Forwards connections to the server, and breaks them when the server confirms a commit whose transaction changed
/// tables. `claims` confirmations are let through before.
pub async fn break_at_commit(claims: usize) -> u16 {
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
