//! Reloads of rules in a Suricata on the same machine, over its socket.
//!
//! Over its unix socket, in its JSON protocol: the client says a version, then commands,
//! each one object; each answer is one object with `return`. A thread of its own talks,
//! so that a Suricata that is slow, or away, never holds up a packet.

use super::board::Reloads;
use super::sandbox::calls::start_thread;
use serde_json::{Value, json};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::time::{Duration, Instant};

/// The version of the protocol: each message ends with a line feed.
const VERSION: &str = "0.2";
/// Loads rules beside the old ones and answers at once.
const RELOAD: &str = "ruleset-reload-nonblocking";
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// After a failure, how long until the next try.
const AGAIN: Duration = Duration::from_secs(10);
/// Bytes of an answer at most.
const MOST_BYTES: usize = 64 << 10;

/// The thread that talks to Suricata.
pub(super) struct Suricata {
    wishes: Sender<()>,
    results: Receiver<Result<(), String>>,
    counts: Reloads,
}

impl Suricata {
    /// Starts the thread.
    pub(super) fn start(socket: PathBuf) -> io::Result<Self> {
        let (wishes, wished) = channel();
        let (done, results) = channel();
        start_thread("suricata", move || talk(&socket, &wished, &done))?;
        Ok(Self { wishes, results, counts: Reloads::default() })
    }

    /// Asks for the rules to be loaded; several wishes that wait become one.
    pub(super) fn reload(&self) {
        // The thread ends only with this.
        let _ = self.wishes.send(());
    }

    /// What came of it since the last look: `Ok` for a reload, or the reason.
    pub(super) fn results(&mut self) -> Vec<Result<(), String>> {
        let new: Vec<_> = self.results.try_iter().collect();
        self.counts.done += new.iter().filter(|result| result.is_ok()).count() as u64;
        self.counts.failed += new.iter().filter(|result| result.is_err()).count() as u64;
        new
    }

    pub(super) fn counts(&self) -> Reloads {
        self.counts
    }

    /// At the end: waits for what was asked for, as long as one try takes.
    pub(super) fn finish(mut self) -> Vec<Result<(), String>> {
        let end = Instant::now() + PATIENCE;
        let mut new = self.results();
        drop(self.wishes);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.results.recv_timeout(left) {
                Ok(result) => new.push(result),
                Err(_) => return new,
            }
        }
    }
}

fn talk(socket: &Path, wished: &Receiver<()>, done: &Sender<Result<(), String>>) {
    let mut is_pending = false;
    loop {
        if is_pending {
            match wished.recv_timeout(AGAIN) {
                Ok(()) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        } else if wished.recv().is_err() {
            return;
        }
        let is_last = loop {
            match wished.try_recv() {
                Ok(()) => {}
                Err(TryRecvError::Empty) => break false,
                Err(TryRecvError::Disconnected) => break true,
            }
        };
        let result = reload(socket)
            .map_err(|error| format!("suricata at {}: {error}", socket.display()));
        is_pending = result.is_err();
        if done.send(result).is_err() || is_last {
            return;
        }
    }
}

/// One conversation: the version, then the command.
fn reload(socket: &Path) -> io::Result<()> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let end = Instant::now() + PATIENCE;
    ask(&mut stream, &json!({ "version": VERSION }), end)?;
    ask(&mut stream, &json!({ "command": RELOAD }), end)
}

fn ask(stream: &mut UnixStream, question: &Value, end: Instant) -> io::Result<()> {
    stream.write_all(format!("{question}\n").as_bytes())?;
    let answer = read_object(stream, end)?;
    if answer["return"] == "OK" {
        return Ok(());
    }
    let what =
        answer["message"].as_str().map_or_else(|| answer.to_string(), str::to_owned);
    let what: String = what.chars().filter(|c| !c.is_control()).take(200).collect();
    Err(io::Error::other(format!("asked for {question}, answered: {what}")))
}

/// One JSON object, whether or not a line feed ends it: old versions send none.
fn read_object(stream: &mut UnixStream, end: Instant) -> io::Result<Value> {
    let mut text = Vec::new();
    let mut part = [0; 4_096];
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        let read = stream.read(&mut part)?;
        text.extend_from_slice(&part[..read]);
        match serde_json::from_slice(&text) {
            Ok(value) => return Ok(value),
            Err(error) if error.is_eof() && read > 0 && text.len() < MOST_BYTES => {}
            Err(error) => {
                return Err(io::Error::other(format!("no JSON answer: {error}")));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};
    use std::os::unix::net::UnixListener;
    use std::thread;

    fn socket(name: &str) -> (PathBuf, UnixListener) {
        let path =
            std::env::temp_dir().join(format!("wormsift-{name}-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        (path.clone(), UnixListener::bind(path).unwrap())
    }

    /// Answers one client with these lines; what the client said.
    fn serve(listener: &UnixListener, answers: &[&str]) -> Vec<Value> {
        let (client, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(client.try_clone().unwrap());
        let mut said = Vec::new();
        for answer in answers {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            said.push(serde_json::from_str(&line).unwrap());
            // In two pieces, as a stream may come.
            let (start, rest) = answer.split_at(answer.len() / 2);
            (&client).write_all(start.as_bytes()).unwrap();
            thread::sleep(Duration::from_millis(5));
            (&client).write_all(rest.as_bytes()).unwrap();
        }
        said
    }

    #[test]
    fn a_reload_is_a_handshake_and_a_command() {
        let (path, listener) = socket("reload");
        let fake = thread::spawn(move || {
            serve(
                &listener,
                &["{\"return\": \"OK\"}", "{\"return\": \"OK\", \"message\": \"x\"}\n"],
            )
        });
        let suricata = Suricata::start(path.clone()).unwrap();
        suricata.reload();
        let said = fake.join().unwrap();
        assert_eq!(said[0], json!({ "version": "0.2" }));
        assert_eq!(said[1], json!({ "command": "ruleset-reload-nonblocking" }));
        assert_eq!(suricata.finish(), [Ok(())]);
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn what_goes_wrong_is_told_in_one_line() {
        for (name, answers, expected) in [
            ("refused", &["{\"return\":\"NOK\",\"message\":\"no\\nway\"}"][..], "noway"),
            ("garbled", &["{]"][..], "no JSON answer"),
            // Which error the system gives depends on who was quicker.
            ("gone", &[][..], ""),
        ] {
            let (path, listener) = socket(name);
            let fake = thread::spawn(move || serve(&listener, answers).len());
            let error = reload(&path).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains('\n'), "{error}");
            fake.join().unwrap();
            std::fs::remove_file(path).unwrap();
        }
        assert!(reload(Path::new("/nowhere/at/all")).is_err());
    }
}
