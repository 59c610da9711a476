//! The captures of several taps.

use super::Cut;
use crate::capture_file::CaptureFile;
use crate::frame_stream::FrameInfo;
use crate::ground_truth::with_stem;
use crate::pcap_writer::FrameWriter;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::path::{Path, PathBuf};

/// Beyond what any tap sees frames late: they are then written in order.
const LATEST_NS: u64 = 10_000_000;

/// A frame: when it is seen, its place in the order of all, the tap, and the bytes.
type Late = (u64, u64, usize, Vec<u8>);

/// One capture a tap, each in order of its own times.
pub struct TapFiles {
    cut: Cut,
    files: Vec<CaptureFile>,
    /// By time, then in the order in which they came: the tap and the frame.
    waiting: BinaryHeap<Reverse<Late>>,
    came: u64,
    packets: Vec<u64>,
}

impl TapFiles {
    /// The captures that belong to `path`: `x.edge.pcapng` for `x.pcapng` and the tap `edge`.
    pub fn paths(path: &Path, cut: &Cut) -> Vec<PathBuf> {
        let names = cut.taps().iter().map(|tap| tap.name);
        names
            .map(|name| with_stem(path, |stem, end| format!("{stem}.{name}{end}")))
            .collect()
    }

    /// Creates the files or replaces them; `level` is zstd's.
    ///
    /// # Errors
    /// An error of the file system.
    pub fn create(path: &Path, cut: Cut, level: i32) -> io::Result<Self> {
        let paths = Self::paths(path, &cut);
        let files = paths.iter().map(|path| CaptureFile::create(path, level));
        let files = files.collect::<io::Result<Vec<_>>>()?;
        let packets = vec![0; files.len()];
        Ok(Self { cut, files, waiting: BinaryHeap::new(), came: 0, packets })
    }

    /// Writes a frame to the captures of the taps that see it.
    ///
    /// # Errors
    /// An error of the file system.
    pub fn write(&mut self, info: FrameInfo, frame: &[u8]) -> io::Result<()> {
        for (tap, later) in self.cut.seen(info, frame) {
            self.came += 1;
            let time = info.time_ns + later;
            self.waiting.push(Reverse((time, self.came, tap, frame.to_vec())));
        }
        self.write_until(info.time_ns.saturating_sub(LATEST_NS))
    }

    fn write_until(&mut self, time_ns: u64) -> io::Result<()> {
        while self.waiting.peek().is_some_and(|Reverse(next)| next.0 <= time_ns) {
            let Some(Reverse((time, _, tap, frame))) = self.waiting.pop() else { break };
            self.files[tap].write_frame(time, &frame)?;
            self.packets[tap] += 1;
        }
        Ok(())
    }

    /// Writes what is still waiting; how many packets each tap saw.
    ///
    /// # Errors
    /// An error of the file system.
    pub fn finish(mut self) -> io::Result<Vec<u64>> {
        self.write_until(u64::MAX)?;
        self.files.into_iter().try_for_each(CaptureFile::finish)?;
        Ok(self.packets)
    }
}

impl std::fmt::Debug for TapFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TapFiles")
            .field("cut", &self.cut)
            .field("packets", &self.packets)
            .finish_non_exhaustive()
    }
}
