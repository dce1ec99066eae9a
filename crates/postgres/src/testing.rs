//! A PostgreSQL server of our own, one per test binary.
//!
//! It is started from the installed programs, on a free port, in a temporary folder. It accepts only connections to this
//! machine. A watchdog stops it and deletes the folder when the test process ends, however it ends.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]
#![expect(clippy::missing_panics_doc, reason = "all of them fail the test")]

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio_postgres::{Client, NoTls};

pub mod networks;

/// Where Debian and others install programs that are not in `PATH`.
const FOLDERS: [&str; 3] = [
    "/usr/lib/postgresql",
    "/usr/pgsql",
    "/opt/homebrew/opt/postgresql",
];

/// The host name in the server's certificate.
pub const HOST: &str = "localhost";

/// A running server.
pub struct Server {
    /// Its folder, with the data in `data` and the socket.
    pub folder: PathBuf,
    /// Its port on 127.0.0.1.
    pub port: u16,
    /// Lives as long as this process, because it waits for the end of its standard input.
    _watchdog: Child,
}

/// The server, started by the first test that needs it.
pub fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start)
}

impl Server {
    /// Starts another server than [`server`].
    pub fn start() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("fortilake-postgres-")
            .tempdir()
            .unwrap()
            .keep();
        let port = free_port();
        certificates(&folder);
        let data = folder.join("data");
        fs::create_dir(&data).unwrap();
        own(&folder);
        let bin = programs();
        succeed(
            as_user(&bin.join("initdb"))
                .args(["--username=postgres", "--auth=trust", "--encoding=UTF8"])
                .args(["--no-sync", "--locale=C", "--pgdata"])
                .arg(&data),
        );
        // `secret` needs its password, so that tests can give a wrong one.
        let rules =
            "local all all trust\nhost all secret all scram-sha-256\nhost all all all trust\n";
        fs::write(data.join("pg_hba.conf"), rules).unwrap();
        let settings = format!(
            "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = '{folder}'\n\
             fsync = off\nmax_connections = 60\nssl = on\nssl_cert_file = '{folder}/server.crt'\n\
             ssl_key_file = '{folder}/server.key'\nlog_min_messages = warning\n",
            folder = folder.display()
        );
        fs::write(data.join("postgresql.conf"), settings).unwrap();
        own(&folder);
        let mut start = as_user(&bin.join("pg_ctl"));
        start.arg("start").arg("--wait").arg("--pgdata").arg(&data);
        succeed(start.arg("--log").arg(folder.join("log")));

        let mut stop = as_user(&bin.join("pg_ctl"));
        stop.args(["stop", "--mode=immediate", "--silent", "--pgdata"])
            .arg(&data);
        let words = [stop.get_program()].into_iter().chain(stop.get_args());
        let watchdog = Command::new("sh")
            .args(["-c", "cat; \"$@\"; rm -rf \"$0\""])
            .arg(&folder)
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            folder,
            port,
            _watchdog: watchdog,
        }
    }

    /// Stops the server as an operator would, or as a crash would, and starts it again after a while.
    pub fn restart(&self, mode: &str, away: std::time::Duration) {
        let control = programs().join("pg_ctl");
        let data = self.folder.join("data");
        let mode = format!("--mode={mode}");
        succeed(
            as_user(&control)
                .args(["stop", &mode, "--silent", "--pgdata"])
                .arg(&data),
        );
        std::thread::sleep(away);
        let mut start = as_user(&control);
        start
            .args(["start", "--wait", "--silent", "--pgdata"])
            .arg(&data);
        succeed(start.arg("--log").arg(self.folder.join("log")));
    }

    /// A new, empty database.
    pub async fn database(&'static self) -> Database {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        // Two databases cannot be created from one template at the same time.
        static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
        let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let url = self.url("postgres", "postgres");
        let _turn = TURN.lock().await;
        connect(&url)
            .await
            .batch_execute(&format!("CREATE DATABASE {name}"))
            .await
            .unwrap();
        Database { server: self, name }
    }

    /// The URL of a database, without a password.
    pub fn url(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@127.0.0.1:{}/{database}", self.port)
    }

    /// The file with the CA that signed the server's certificate.
    pub fn ca(&self) -> PathBuf {
        self.folder.join("ca.crt")
    }
}

/// A database of one test.
pub struct Database {
    /// The server that it is on.
    pub server: &'static Server,
    /// Its name.
    pub name: String,
}

impl Database {
    /// The URL for the user `postgres`.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// The URL for a user.
    pub fn url_of(&self, user: &str) -> String {
        self.server.url(user, &self.name)
    }

    /// A connection for tests and readers.
    pub async fn client(&self) -> Client {
        connect(&self.url()).await
    }
}

/// Connects to a database.
pub async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    // It ends with the client. Tests that end connections look at the client's errors.
    tokio::spawn(connection);
    client
}

/// A port on which no server listens.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// The folder of `initdb` and the others, of the newest version that is installed.
fn programs() -> PathBuf {
    let mut found = Vec::new();
    for folder in FOLDERS {
        let versions = fs::read_dir(folder).into_iter().flatten().flatten();
        found.extend(versions.map(|version| version.path().join("bin")));
        found.push(Path::new(folder).join("bin"));
    }
    found.retain(|folder| folder.join("initdb").exists());
    found.sort();
    found
        .pop()
        .expect("PostgreSQL is not installed; on Debian, run `apt-get install postgresql`")
}

/// A command that runs as another user if this process is root, which PostgreSQL refuses.
pub fn as_user(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=postgres", "--regid=postgres", "--clear-groups"])
        .arg(program)
        .current_dir("/");
    command
}

/// Gives a folder to the user who runs the server.
pub fn own(folder: &Path) {
    if is_root() {
        succeed(
            Command::new("chown")
                .args(["-R", "postgres:postgres"])
                .arg(folder),
        );
    }
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout.trim_ascii() == b"0"
}

/// Runs a command that must succeed.
pub fn succeed(command: &mut Command) {
    // The server inherits standard output and would keep a pipe open, so it is not read.
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status();
    assert!(status.unwrap().success(), "failed: {command:?}");
}

/// A CA, and a certificate that it signed for [`HOST`].
fn certificates(folder: &Path) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![HOST.to_owned()]).unwrap();
    let certificate = certificate.signed_by(&key, &ca).unwrap();
    fs::write(folder.join("ca.crt"), ca.pem()).unwrap();
    fs::write(folder.join("server.crt"), certificate.pem()).unwrap();
    let path = folder.join("server.key");
    fs::write(&path, key.serialize_pem()).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(path, mode).unwrap();
}
