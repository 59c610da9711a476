//! A NATS server as a process, with a store that can be copied and put back.

use super::environment::skipped;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The program: `NATS_SERVER`, that in the path, or that which `.ci/nats` installed.
fn program() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("NATS_SERVER") {
        return Some(named.into());
    }
    let cached =
        |cache: PathBuf| cache.join("wormsift-ci/nats-server-2.15.1/nats-server");
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(home);
    if let Some(path) = cache.map(cached).filter(|path| path.exists()) {
        return Some(path);
    }
    let found = Command::new("nats-server").arg("--version").output();
    found.is_ok_and(|output| output.status.success()).then(|| "nats-server".into())
}

/// A folder of a test's own, deleted when it ends.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Self {
        let name = format!("wormsift-cluster-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("a folder of the test's own");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) struct Broker {
    program: PathBuf,
    folder: PathBuf,
    port: u16,
    child: Option<Child>,
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("bound").port()
}

/// Copies a folder with all that is in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).expect("a copy");
        }
    }
}

impl Broker {
    /// A broker on loopback that forces each message to the disk; `None` after saying that
    /// the test is skipped.
    pub(crate) fn start(folder: &Path) -> Option<Self> {
        let settings = "listen: \"0.0.0.0:4222\"\njetstream { store_dir: \"/var/lib/nats\", \
                        sync_interval: always }\n";
        Self::start_as(folder, settings)
    }

    /// The same with settings of a file, but for where it listens and stores.
    pub(crate) fn start_as(folder: &Path, settings: &str) -> Option<Self> {
        let Some(program) = program() else {
            skipped("nats-server", "nats-server is not installed (.ci/nats installs it)");
            return None;
        };
        let port = free_port();
        let folder = folder.join("broker");
        fs::create_dir_all(&folder).expect("a folder");
        let store = folder.join("store").display().to_string();
        let settings = settings
            .replace("0.0.0.0:4222", &format!("127.0.0.1:{port}"))
            .replace("/var/lib/nats", &store);
        fs::write(folder.join("conf"), settings).expect("a file of settings");
        let mut broker = Self { program, folder, port, child: None };
        broker.restart();
        Some(broker)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Starts it (again), and waits until it listens.
    pub(crate) fn restart(&mut self) {
        assert!(self.child.is_none(), "it runs");
        let log = fs::File::create(self.folder.join("log")).expect("a file");
        let child = Command::new(&self.program)
            .arg("-c")
            .arg(self.folder.join("conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the broker starts");
        self.child = Some(child);
        let begin = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(
                begin.elapsed() < Duration::from_secs(20),
                "the broker does not listen"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// kill -9.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
    }

    /// What it has on the disk, copied; it must not run.
    pub(crate) fn copy_store(&self) {
        copy(&self.folder.join("store"), &self.folder.join("copy"));
    }

    /// Nothing instead of what it has on the disk; it must not run.
    pub(crate) fn delete_store(&self) {
        fs::remove_dir_all(self.folder.join("store")).expect("a store");
    }

    /// The copy instead of what it has on the disk; it must not run.
    pub(crate) fn put_back(&self) {
        self.delete_store();
        copy(&self.folder.join("copy"), &self.folder.join("store"));
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill();
        }
    }
}
