//! The package as a whole, on captures built byte by byte.

use std::collections::VecDeque;
use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use super::buffer::CHUNK_BYTES;
use super::samples::{
    MICROSECONDS, MODIFIED, NANOSECONDS, Order, PcapNgSample, PcapSample, gzip, zstd,
};
use super::*;

mod formats;
mod hostile;
mod merge;
mod traces;

/// A frame by value: number, nanoseconds, link type, length on the wire, data.
type Seen = (u64, u64, u32, u32, Vec<u8>);

const EVERYTHING: Limits = Limits { bytes: usize::MAX, frames: usize::MAX };

fn drain(trace: &mut Trace, limits: Limits) -> Vec<Seen> {
    let mut seen = Vec::new();
    while let Some(batch) = trace.next_batch(limits) {
        assert!(!batch.is_empty());
        assert_eq!(batch.len(), batch.frames().count());
        assert_eq!(batch.bytes(), batch.frames().map(|f| f.data.len()).sum::<usize>());
        seen.extend((0..batch.len()).map(|i| {
            let f = batch.frame(i);
            (f.number, f.time.as_nanos(), f.link.0, f.original_len, f.data.to_vec())
        }));
    }
    assert!(trace.next_batch(limits).is_none(), "the end stays the end");
    seen
}

fn read(content: Vec<u8>) -> (Vec<Seen>, Vec<String>, CaptureCounters) {
    let mut trace = Trace::from_bytes("t", content);
    let seen = drain(&mut trace, EVERYTHING);
    let damage = trace.damage().iter().map(Damage::to_string).collect();
    (seen, damage, trace.counters())
}

fn whole(content: Vec<u8>) -> Vec<Seen> {
    let (seen, damage, _) = read(content);
    assert_eq!(damage, Vec::<String>::new());
    seen
}

/// Three records, the second empty, with a fraction that carries; and where they end.
fn pcap(order: Order, magic: u32) -> (Vec<u8>, Vec<usize>) {
    let header = if magic == MODIFIED { 24 } else { 16 };
    let file = PcapSample::new(order, magic, 0xf400_0071)
        .record((1, 500), b"first", 60)
        .record((2, 0), b"", 0)
        .record((u32::MAX, u32::MAX), b"the third", 9);
    let edges = vec![24, 24 + header + 5, 24 + 2 * header + 5, 24 + 3 * header + 14];
    (file.bytes, edges)
}

/// Two sections in different orders, three interfaces, every kind of block.
fn pcapng(first: Order, second: Order) -> (Vec<u8>, Vec<usize>) {
    let file = PcapNgSample::new(first)
        .interface(1, 4, &[])
        .simple(b"no time", 7)
        .clock(113, 9, 5)
        .block(4, &[&[1, 0, 4, 0, 10, 0, 0, 1], &[0; 4]])
        .enhanced(1, 1 << 32 | 7, b"nanos", 99, &[])
        .enhanced(0, 1_000_001, b"micros", 6, &[])
        .simple(b"cut.", 1_000)
        .block(0xbad, &[b"custom  "])
        .block(0x8000_0001, &[])
        .section(second)
        .clock(276, 0x80 | 20, -1)
        .old(0, 3, 3 << 20, b"old");
    let options = file.option(1, b"a packet's comment");
    let file = file.enhanced(0, 2 << 20, b"commented", 9, &options);
    (file.bytes, file.edges)
}

/// A stream named `t` that gives so many bytes at a time, and sometimes is interrupted.
fn pieces(content: &[u8], piece: usize) -> Input {
    struct Pieces(VecDeque<Vec<u8>>, bool);
    impl Read for Pieces {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let Some(mut piece) = self.0.pop_front() else { return Ok(0) };
            let read = piece.len().min(into.len());
            into[..read].copy_from_slice(&piece[..read]);
            if read < piece.len() {
                self.0.push_front(piece.split_off(read));
            }
            Ok(read)
        }
    }
    Input::reader("t", Pieces(content.chunks(piece).map(<[u8]>::to_vec).collect(), false))
}

/// A folder that is gone when the test is.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let unique = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path =
            std::env::temp_dir().join(format!("wormsift-{}-{}", unique.0, unique.1));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_string_lossy().into_owned()
    }

    fn file(&self, name: &str, content: &[u8]) -> String {
        let path = self.path(name);
        fs::create_dir_all(PathBuf::from(&path).parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
