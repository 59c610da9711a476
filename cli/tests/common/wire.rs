//! Frames over the wire of a namespace, and waiting for what comes of them.

use std::process::{Child, Command};
use std::time::{Duration, Instant};
use wormsift_capture::live::Sender;
use wormsift_capture::{Limits, Trace, inputs};

/// The committed outbreak.
pub(crate) const TRACE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../corpora/traces/outbreak.pcapng.zst");

/// Its frames.
pub(crate) fn trace() -> Vec<Vec<u8>> {
    let mut trace = Trace::open(inputs(&[TRACE.to_owned()]).0);
    let mut frames = Vec::new();
    while let Some(batch) = trace.next_batch(Limits::default()) {
        frames.extend(batch.frames().map(|frame| frame.data.to_vec()));
    }
    frames
}

pub(crate) fn send(frames: &[Vec<u8>]) {
    let sender = Sender::open("tap0").expect("the wire is up");
    let frames: Vec<&[u8]> = frames.iter().map(Vec::as_slice).collect();
    let mut sent = 0;
    while sent < frames.len() {
        sent += sender.send(&frames[sent..]).expect("the wire is up");
        // About 100,000 a second: a busy machine must keep up in any build.
        std::thread::sleep(Duration::from_micros(600));
    }
}

/// Looks again and again; a failure once `patience` is over.
pub(crate) fn wait_for(what: &str, patience: Duration, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + patience;
    while !done() {
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Sends a signal, such as `-TERM`.
pub(crate) fn signal(child: &Child, name: &str) {
    let done = Command::new("kill").args([name, &child.id().to_string()]).status();
    assert!(done.is_ok_and(|status| status.success()));
}
