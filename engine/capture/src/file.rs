//! One file, from its first byte to its last good one.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use super::MAX_RECORD_BYTES;
use super::batch::{FrameBatch, Limits};
use super::buffer::{Buffer, Pool};
use super::counters::CaptureCounters;
use super::damage::{Damage, Defect, Place};
use super::disorder::{Disorder, Order};
use super::foreign;
use super::format::{CAPTURE, Format};
use super::input::{Input, Kind};
use super::source::FileSource;
use super::step::{RawFrame, Skipped, Step};
use super::stream::{Compression, Stream};
use super::window::Window;
use wormsift::packet::Timestamp;

/// Files up to this size are read at once.
const SMALL_FILE_BYTES: u64 = 64 << 10;
/// First chunk of a stream that is read to its end.
const FIRST_CHUNK_BYTES: usize = 64 << 10;
/// First chunk of a stream of which only the first frame is looked at.
const PEEK_CHUNK_BYTES: usize = 4 << 10;
/// How far to look for the first frame. A file whose headers are longer comes last.
const PEEK_BYTES: u64 = 4 * MAX_RECORD_BYTES as u64;

/// Reads one file.
pub(super) struct FileReader {
    name: String,
    window: Window,
    format: Format,
    frames: u64,
    ended: bool,
    /// The first defect, until it is taken.
    damage: Option<Damage>,
    /// Of this file alone.
    counters: CaptureCounters,
    order: Order,
    /// Where its chunk lies in the batch under construction.
    slot: u32,
    tap: u16,
}

/// How a read went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// The batch is full.
    Full,
    /// More may come, but it has not arrived, and the batch holds something.
    Waiting,
    /// The next frame, of this time, is another file's turn's.
    Later(Timestamp),
    /// The file is done.
    Ended,
}

impl FileReader {
    /// Opens an input to read all of it, `most` bytes at a time. A regular file that is
    /// `let_go` stays open only while it is read from.
    pub(super) fn open(
        input: Input,
        most: usize,
        let_go: bool,
    ) -> Result<Self, Box<Damage>> {
        Self::with_view(input, View::Whole { most, let_go })
    }

    /// Opens an input to look at its beginning.
    pub(super) fn peek(input: Input) -> Result<Self, Box<Damage>> {
        Self::with_view(input, View::Beginning)
    }

    fn with_view(input: Input, view: View) -> Result<Self, Box<Damage>> {
        let Input { name, kind, tap } = input;
        match window(kind, view) {
            Ok(window) => Ok(Self {
                name,
                window,
                format: Format::Unknown,
                frames: 0,
                ended: false,
                damage: None,
                counters: CaptureCounters { files: 1, ..Default::default() },
                order: Order::default(),
                slot: 0,
                tap,
            }),
            Err(error) => Err(Box::new(Damage::unreadable(name, &error))),
        }
    }

    /// What the file is, by its first bytes: [`foreign::Kind`], and how a line of damage
    /// says it. Of one that cannot be read, the kind is unknown.
    pub(super) fn kind(&mut self, pool: &mut Pool) -> (foreign::Kind, String) {
        if self.window.unread().is_empty() {
            self.window.fill(1, pool);
        }
        if let Some(failure) = self.window.failure() {
            return (foreign::Kind::Other(None), failure.to_string());
        }
        let data = self.window.unread();
        let kind = foreign::kind(data);
        (kind, kind.found(data))
    }

    /// The time of the next frame, which stays the next one.
    pub(super) fn next_time(&mut self, pool: &mut Pool) -> Option<Timestamp> {
        while self.window.offset() < PEEK_BYTES {
            match self.format.step(self.window.unread()) {
                Step::Frame { frame, .. } => return Some(frame.time),
                Step::Skip { bytes, what } => self.skip(bytes, what),
                Step::Broken(_) => return None,
                Step::Need { .. } if self.window.is_last() => return None,
                Step::Need { bytes, .. } => self.window.fill(bytes, pool),
            }
        }
        None
    }

    /// Moves frames into a batch that is not full, numbered after `number`: those before
    /// `end`, and from the first that is not, none.
    pub(super) fn read_into(
        &mut self,
        batch: &mut FrameBatch,
        limits: Limits,
        number: &mut u64,
        end: Option<Timestamp>,
        pool: &mut Pool,
    ) -> Progress {
        while !self.ended {
            match self.format.step(self.window.unread()) {
                Step::Frame { bytes, frame } => {
                    if end.is_some_and(|end| frame.time >= end) {
                        return Progress::Later(frame.time);
                    }
                    *number += 1;
                    let (buffer, start) = (self.window.buffer(), self.window.start());
                    batch.push(*number, buffer, start, frame, self.tap, &mut self.slot);
                    self.count(&frame);
                    self.window.consume(bytes);
                    if batch.is_full(limits) {
                        return Progress::Full;
                    }
                }
                Step::Skip { bytes, what } => self.skip(bytes, what),
                Step::Broken(defect) => {
                    self.report(*defect);
                    self.ended = true;
                }
                Step::Need { bytes, of } if self.window.is_last() => {
                    self.end_within(bytes, of);
                    self.ended = true;
                }
                Step::Need { .. } if self.window.is_live() && !batch.is_empty() => {
                    return Progress::Waiting;
                }
                Step::Need { bytes, .. } => self.window.fill(bytes, pool),
            }
        }
        Progress::Ended
    }

    /// Bytes used so far, as on disk.
    pub(super) fn position(&self) -> u64 {
        self.window.position()
    }

    /// Bytes of the chunk in view.
    pub(super) fn held_bytes(&self) -> usize {
        self.window.buffer().held_bytes()
    }

    /// What was read so far.
    pub(super) fn counters(&self) -> &CaptureCounters {
        &self.counters
    }

    /// The first defect, once.
    pub(super) fn take_damage(&mut self) -> Option<Damage> {
        self.damage.take()
    }

    /// How its packets go back in time, if they do.
    pub(super) fn disorder(&self) -> Option<Disorder> {
        self.order.told(&self.name)
    }

    #[inline]
    fn count(&mut self, frame: &RawFrame) {
        self.frames += 1;
        self.counters.frames += 1;
        self.counters.bytes += frame.len as u64;
        self.counters.frames_without_time += u64::from(frame.untimed);
        self.counters.clamped_times += u64::from(frame.clamped);
        let back = self.order.next(self.frames, frame.time);
        self.counters.frames_back += u64::from(back);
    }

    #[cold]
    fn skip(&mut self, bytes: usize, what: Skipped) {
        match what {
            Skipped::Structure => {}
            Skipped::Block => self.counters.skipped_blocks += 1,
            Skipped::Packet { interface, described } => {
                self.counters.frames_without_interface += 1;
                let expected = format!("a packet of one of {described} known interfaces");
                let found = format!("one of interface {interface}");
                self.report(*Defect::new(8, expected, found));
            }
        }
        self.window.consume(bytes);
    }

    /// Nothing more comes, `bytes` were needed: that may be the end, or a defect.
    fn end_within(&mut self, bytes: usize, of: &str) {
        let unread = self.window.unread().len();
        if let Some(failure) = self.window.failure() {
            let expected = match self.window.compression() {
                Some(compression) => format!("more {} data", compression.name()),
                None => "more bytes".into(),
            };
            let found = failure.to_string();
            let place = Place::Byte(self.window.position());
            self.report_at(place, expected, found);
        } else if matches!(self.format, Format::Unknown)
            && let kind @ foreign::Kind::Other(Some(_)) =
                foreign::kind(self.window.unread())
        {
            let found = kind.found(self.window.unread());
            self.report(*Defect::of_whole(CAPTURE, found));
        } else if unread > 0 {
            let expected = format!("{of} of {bytes} bytes");
            let found = format!("the end of the file after {unread}");
            self.report(*Defect::new(0, expected, found));
        }
    }

    fn report(&mut self, defect: Defect) {
        let place = match (defect.at, self.window.compression()) {
            (None, _) => Place::Whole,
            (Some(at), None) => Place::Byte(self.window.offset() + at as u64),
            (Some(_), Some(_)) => Place::Packet(self.frames + 1),
        };
        self.report_at(place, defect.expected, defect.found);
    }

    fn report_at(&mut self, place: Place, expected: String, found: String) {
        self.counters.defects += 1;
        if self.counters.damaged_files == 0 {
            self.counters.damaged_files = 1;
            let path = self.name.clone();
            self.damage = Some(Damage { path, place, expected, found });
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum View {
    Whole { most: usize, let_go: bool },
    Beginning,
}

fn window(kind: Kind, view: View) -> io::Result<Window> {
    let (chunk, most) = match view {
        View::Whole { most, .. } => (FIRST_CHUNK_BYTES.min(most), most),
        View::Beginning => (PEEK_CHUNK_BYTES, PEEK_CHUNK_BYTES),
    };
    let stream = |source: Box<dyn Read + Send>, live| {
        // A live stream is kept after a look at its beginning.
        let chunk = if live { FIRST_CHUNK_BYTES } else { chunk };
        Ok(Window::stream(Stream::open(source, most)?, chunk, live))
    };
    match kind {
        Kind::Path(path) => {
            let file = File::open(&path)?;
            let metadata = file.metadata()?;
            let let_go = matches!(view, View::Whole { let_go: true, .. });
            if !metadata.is_file() {
                stream(Box::new(file), true)
            } else if view == View::Beginning || metadata.len() == 0 {
                // Some systems show files of unknown length as empty ones.
                stream(Box::new(file), false)
            } else if metadata.len() <= SMALL_FILE_BYTES.min(most as u64) {
                small(file, metadata.len(), chunk)
            } else {
                stream(Box::new(FileSource::new(path, file, &metadata, let_go)), false)
            }
        }
        Kind::Stdin => stream(Box::new(io::stdin()), true),
        Kind::Reader(reader) => stream(reader, true),
        Kind::Bytes(buffer) => whole(buffer, chunk),
    }
}

/// A small file, read at once.
fn small(file: File, len: u64, chunk: usize) -> io::Result<Window> {
    let mut bytes = Vec::with_capacity(len as usize);
    file.take(len).read_to_end(&mut bytes)?;
    whole(Arc::new(Buffer::Chunk(bytes)), chunk)
}

/// Content in memory, decompressed where it must be.
fn whole(buffer: Arc<Buffer>, chunk: usize) -> io::Result<Window> {
    if Compression::of(&buffer).is_none() {
        return Ok(Window::whole(buffer));
    }
    let source = io::Cursor::new(SharedBytes(buffer));
    Ok(Window::stream(Stream::open(Box::new(source), chunk)?, chunk, false))
}

struct SharedBytes(Arc<Buffer>);

impl AsRef<[u8]> for SharedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}
