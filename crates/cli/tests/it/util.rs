//! Helpers: a folder to run the binary in, and a simulator process.

#[cfg(feature = "otel")]
pub(crate) mod collector;
pub(crate) mod disk;
#[cfg(feature = "otel")]
pub(crate) mod protobuf;
pub(crate) mod published;
pub(crate) mod schema;
pub(crate) mod tenant;

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_fortilake");

/// The folders that a [`tenant::Tenant`]'s configuration publishes to: CSV in layout `latest`, Parquet in `snapshots`.
pub(crate) const SINKS: [&str; 2] = ["out/csv", "out/pq"];

/// The names of all sinks in this build.
pub(crate) fn sinks() -> Vec<&'static str> {
    // The list of the default build is a file of its own, so that adding a sink only adds one line to it.
    let mut names: Vec<_> = include_str!("sinks.txt").lines().collect();
    if cfg!(feature = "postgres") {
        names.push("postgres");
        names.sort_unstable();
    }
    names
}

/// A temporary folder to run the binary in, with its own environment and state.
pub(crate) struct Folder {
    pub(crate) path: tempfile::TempDir,
    environment: Vec<(String, String)>,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let path = tempfile::tempdir().unwrap();
        let state = path.path().join("state").display().to_string();
        Self {
            path,
            environment: vec![("FORTILAKE_STATE".to_owned(), state)],
        }
    }

    /// A folder whose environment points at this simulator.
    pub(crate) fn beside(simulator: &Simulator) -> Self {
        let mut folder = Self::new();
        folder.environment.extend(simulator.variables.clone());
        folder
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        let file = self.path.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
        self
    }

    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = self.program(BINARY);
        command.args(line.split_whitespace());
        command
    }

    /// A command that can be stopped by signals, even if the tests run where some are ignored, such as in the
    /// background of a script or under `nohup`: fortilake leaves a signal ignored that was ignored at its start.
    pub(crate) fn stoppable(&self, line: &str) -> Command {
        if !cfg!(target_os = "linux") {
            return self.command(line);
        }
        let mut command = self.program("env");
        command.args(["--default-signal=INT,HUP,TERM", BINARY]);
        command.args(line.split_whitespace());
        command
    }

    /// Any program, with this folder as its working directory and no other environment.
    pub(crate) fn program(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        command
            .current_dir(self.path.path())
            .env_clear()
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, line: &str) -> Output {
        self.command(line).output().unwrap()
    }

    /// Exit code, standard output and standard error, with everything replaced that differs from run to run.
    pub(crate) fn check(&self, line: &str) -> String {
        let output = self.run(line);
        let code = output
            .status
            .code()
            .map_or("killed".to_owned(), |code| code.to_string());
        let mut text = format!("exit {code}\n");
        for (name, stream) in [("stdout", output.stdout), ("stderr", output.stderr)] {
            let stream = String::from_utf8(stream).unwrap();
            if !stream.is_empty() {
                text.extend(["--- ", name, "\n", &self.filter(&stream)]);
            }
        }
        text
    }

    fn filter(&self, text: &str) -> String {
        let folder = self.path.path().display().to_string();
        // The list of sinks is replaced, so that adding a sink changes no snapshot.
        let sinks: Vec<_> = sinks().iter().map(|name| format!("`{name}`")).collect();
        let text = text
            .replace(&folder, "FOLDER")
            .replace(&sinks.join(", "), "SINKS");
        text.split_inclusive('\n')
            .map(|line| {
                filter_size(line)
                    .split(' ')
                    .map(filter_word)
                    .collect::<Vec<_>>()
                    .join(" ")
            })
            .collect()
    }

    /// The files below a folder, sorted, without lock files.
    pub(crate) fn files(&self, below: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut folders = vec![self.path.path().join(below)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                // Files behind a symbolic link to a folder are listed under their real names.
                if path.is_dir() && path.is_symlink() {
                    continue;
                }
                if path.is_dir() {
                    folders.push(path);
                } else if !path.ends_with("lock") && !path.ends_with("change.lock") {
                    let name = path.strip_prefix(self.path.path()).unwrap();
                    found.push(filter_word(&name.display().to_string()));
                }
            }
        }
        found.sort();
        found
    }

    /// The same without the sinks' own files, such as manifests and claims.
    pub(crate) fn tables(&self, below: &str) -> Vec<String> {
        let mut files = self.files(below);
        files.retain(|name| !name.contains("/_fortilake/"));
        files
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path.path().join(name)).unwrap()
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path.path().join(name)
    }
}

/// Sends a signal, such as `-TERM`. The process must not have been waited for, or its id may belong to another one.
pub(crate) fn send(signal: &str, process: &Child) {
    let number = process.id().to_string();
    let sent = Command::new("kill").args([signal, &number]).status();
    assert!(sent.unwrap().success());
}

pub(crate) fn text_of(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

/// Replaces the size of files, which varies because the files contain the time of the run.
fn filter_size(line: &str) -> String {
    match (line.split_once(" ("), line.split_once(") at ")) {
        (Some((before, _)), Some((_, after))) => format!("{before} (SIZE) at {after}"),
        _ => match line.rsplit_once(" and takes ") {
            Some((before, _)) if line.contains("/state.sqlite` has ") => {
                format!("{before} and takes SIZE")
            }
            _ => line.to_owned(),
        },
    }
}

/// Replaces snapshot names, crawl ids, times and ports in a word.
fn filter_word(word: &str) -> String {
    let is_snapshot = |text: &[u8]| {
        text.len() == 16
            && text[8] == b'T'
            && text[15] == b'Z'
            && text
                .iter()
                .enumerate()
                .all(|(at, byte)| byte.is_ascii_digit() || [8, 15].contains(&at))
    };
    if let Some(at) =
        (0..word.len()).find(|&at| word.as_bytes().get(at..at + 16).is_some_and(is_snapshot))
    {
        let rest = &word[at + 16..];
        let is_id = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let hex = |length: usize| {
            let end = length + 1;
            let id = rest
                .get(1..end)
                .filter(|id| rest.starts_with('-') && is_id(id));
            id.map(|_| &rest[end..])
        };
        let (mark, rest) = match (hex(12), hex(8)) {
            (Some(rest), _) => ("-TOKEN", rest),
            (None, Some(rest)) => ("-ID", rest),
            (None, None) => ("", rest),
        };
        let rest = filter_token(rest);
        return format!("{}SNAPSHOT{mark}{rest}", &word[..at]);
    }
    let is_time = word.len() >= 20 && word.as_bytes()[10] == b'T' && word.as_bytes()[19] == b'Z';
    if is_time {
        return format!("TIME{}", &word[20..]);
    }
    if let Some((before, port)) = word.split_once("127.0.0.1:") {
        let rest = port.trim_start_matches(|digit: char| digit.is_ascii_digit());
        return format!("{before}127.0.0.1:PORT{rest}");
    }
    word.to_owned()
}

/// Replaces the random part in the name of a file.
fn filter_token(text: &str) -> String {
    match text.split_once("/part-") {
        Some((before, after)) if after.len() > 12 => {
            format!("{before}/part-TOKEN{}", &after[12..])
        }
        _ => text.to_owned(),
    }
}

/// A simulator process on a port of its own. It is killed on drop.
pub(crate) struct Simulator {
    process: Child,
    pub(crate) variables: Vec<(String, String)>,
    _folder: Folder,
}

impl Simulator {
    pub(crate) fn start(scenario: &str) -> Self {
        let folder = Folder::new().file("scenario.toml", scenario);
        let mut process = folder
            .command("simulate --listen 127.0.0.1:0 --scenario scenario.toml")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap())
            .lines()
            .take(4);
        let variables = lines.map(|line| {
            let line = line.unwrap();
            let (name, value) = line.split_once('=').unwrap();
            (name.to_owned(), value.to_owned())
        });
        let variables = variables.collect();
        Self {
            process,
            variables,
            _folder: folder,
        }
    }
}

impl Simulator {
    /// The value of a variable that the simulator printed.
    pub(crate) fn variable(&self, name: &str) -> &str {
        let found = self.variables.iter().find(|(known, _)| known == name);
        &found.unwrap().1
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        // This fails if the process has already ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The scenario of a small tenant.
pub(crate) const SMALL: &str = "[organization]\nous = 3\naccounts = 3\nproducts = 40\n";
