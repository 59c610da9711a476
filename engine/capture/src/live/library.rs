//! Frames through libpcap.
//!
//! For interfaces that packet sockets do not reach, such as capture cards with a libpcap
//! of their own. Frames are copied out of the library once; one handle, one order.

use super::bpf::{BpfError, BpfProgram};
use super::error::LiveError;
use super::poll::{poll, readable};
use super::rings::{LiveBatch, LiveCounters};
use super::socket::{index, is_up};
use pcap::{Active, Capture, Error, Linktype, Stat};
use std::fmt::{self, Write};
use std::io;
use std::os::fd::AsRawFd;
use std::time::Duration;
use wormsift::packet::{Frame, LinkType, Timestamp};

/// A batch ends when it holds as many bytes or frames: as one of a trace does.
const BATCH_BYTES: usize = 1 << 20;
const BATCH_FRAMES: usize = 8_192;
/// How long the library may wait for more before it hands over what is there.
const HAND_OVER_MILLISECONDS: i32 = 50;

impl BpfProgram {
    /// Compiles an expression such as `tcp port 80`, as libpcap reads it, for frames that
    /// begin as `link` says.
    ///
    /// # Errors
    ///
    /// An expression that the library refuses, or a link type that it does not know.
    pub fn compile(expression: &str, link: LinkType) -> Result<Self, CompileError> {
        let refused = |error: Error| CompileError::Library(error.to_string());
        let link = library_link(link).ok_or(CompileError::LinkType(link))?;
        let dead = Capture::dead(link).map_err(refused)?;
        let program = dead.compile(expression, true).map_err(refused)?;
        let instructions = program.get_instructions();
        let mut text = format!("{}\n", instructions.len());
        for instruction in instructions {
            let _ = writeln!(text, "{instruction}"); // Into a string it cannot fail.
        }
        Self::from_ddd(&text).map_err(CompileError::Program)
    }
}

/// Why an expression gives no program.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CompileError {
    /// The library has no number for the link type.
    LinkType(LinkType),
    /// The library refuses it, in its own words.
    Library(String),
    /// The library made a program that the kernel would refuse.
    Program(BpfError),
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LinkType(link) => write!(f, "no link type: {}", link.0),
            Self::Library(reason) => f.write_str(reason),
            Self::Program(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CompileError {}

/// What is captured through libpcap, and how.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LibrarySettings {
    /// The interface, as the library names it (`tcpdump -D`).
    pub interface: String,
    /// Bytes of the library's buffer. Default 64 MiB.
    pub buffer_bytes: usize,
    /// Bytes of a frame that are captured at most. Default 262,144.
    pub snaplen: u32,
    /// Whether frames to other hosts are asked for. Default on.
    pub promiscuous: bool,
    /// An expression as `tcpdump` takes it. Default everything.
    pub filter: Option<String>,
}

impl LibrarySettings {
    /// The defaults for an interface.
    pub fn new(interface: &str) -> Self {
        Self {
            interface: interface.to_owned(),
            buffer_bytes: 64 << 20,
            snaplen: 262_144,
            promiscuous: true,
            filter: None,
        }
    }
}

/// An interface that libpcap has opened.
///
/// Times are in microseconds. `kernel_packets` and `kernel_drops` of its counters are what
/// the library tells, which not every card counts.
pub struct Library {
    handle: Capture<Active>,
    name: String,
    link: LinkType,
    buffer: Vec<u8>,
    buffer_bytes: usize,
    snaplen: usize,
    counters: LiveCounters,
    before: Stat,
    /// Later frames are left alone; the first of them ends it all.
    until: Option<Timestamp>,
    is_over: bool,
    /// A read failed: said by the next wait.
    failure: Option<LiveError>,
    is_ready: bool,
}

impl Library {
    /// Opens the interface: from here on frames are received.
    ///
    /// # Errors
    ///
    /// What the library says: no such interface, no permission, a wrong expression.
    pub fn open(settings: &LibrarySettings) -> Result<Self, LiveError> {
        let name = &settings.interface;
        let fail = |doing| move |error| LiveError::new(name, doing, system_error(error));
        let inactive =
            Capture::from_device(name.as_str()).map_err(fail("be opened by libpcap"))?;
        let handle = inactive
            .promisc(settings.promiscuous)
            .snaplen(i32::try_from(settings.snaplen).unwrap_or(i32::MAX))
            .buffer_size(i32::try_from(settings.buffer_bytes).unwrap_or(i32::MAX))
            .timeout(HAND_OVER_MILLISECONDS)
            .open()
            .map_err(fail("be opened by libpcap"))?;
        let mut handle = handle.setnonblock().map_err(fail("stop blocking"))?;
        if let Some(expression) = &settings.filter {
            handle.filter(expression, true).map_err(fail("filter"))?;
        }
        let Linktype(link) = handle.get_datalink();
        Ok(Self {
            handle,
            name: name.clone(),
            link: LinkType(link.unsigned_abs()),
            buffer: Vec::with_capacity(BATCH_BYTES),
            buffer_bytes: settings.buffer_bytes,
            snaplen: settings.snaplen as usize,
            counters: LiveCounters::default(),
            before: Stat { received: 0, dropped: 0, if_dropped: 0 },
            until: None,
            is_over: false,
            failure: None,
            is_ready: false,
        })
    }

    /// How frames begin.
    pub fn link(&self) -> LinkType {
        self.link
    }

    /// Bytes of the library's buffer, as asked for, and of the own one.
    pub fn memory_bytes(&self) -> usize {
        self.buffer_bytes + self.buffer.capacity()
    }

    /// Bytes of frames that a batch may hold: one more than fits may begin.
    pub fn batch_bytes(&self) -> usize {
        BATCH_BYTES + self.snaplen
    }

    /// Lends nothing that comes in after `now`, by the clock that frames are stamped with: a
    /// sensor that ends asks for [`batch`](Self::batch) until it is empty.
    pub fn stop_receiving(&mut self, now: Timestamp) {
        self.until = Some(now);
    }

    /// Waits until frames are ready, or a signal comes, or the time is over. Whether
    /// frames are ready.
    ///
    /// # Errors
    ///
    /// When reading failed since the last wait: the interface is down
    /// ([`LiveError::is_down`]) or gone.
    pub fn wait(&mut self, time: Duration) -> Result<bool, LiveError> {
        let mut polled = Vec::new();
        self.add_polled(&mut polled);
        let time =
            if self.is_ready() { Duration::ZERO } else { time.min(self.patience()) };
        poll(&mut polled, time)
            .map_err(|error| LiveError::new(&self.name, "wait", error))?;
        self.heard(&polled)
    }

    /// Whether there is something to tell without waiting.
    pub(super) fn is_ready(&self) -> bool {
        self.failure.is_some() || (self.is_ready && !self.is_over)
    }

    /// Adds what is to be polled for it; some cards have nothing.
    pub(super) fn add_polled(&self, polled: &mut Vec<libc::pollfd>) {
        let fd = self.handle.as_raw_fd();
        if fd >= 0 && !self.is_over {
            polled.push(readable(fd));
        }
    }

    /// How long it can be waited for: a card without a descriptor is asked again and again.
    pub(super) fn patience(&self) -> Duration {
        match self.handle.as_raw_fd() {
            fd if fd < 0 && !self.is_over => Duration::from_millis(1),
            _ => Duration::MAX,
        }
    }

    /// What a poll has said of it.
    pub(super) fn heard(&mut self, polled: &[libc::pollfd]) -> Result<bool, LiveError> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        if self.is_over {
            return Ok(false);
        }
        // Without a descriptor the way to know is to read.
        let has_some = polled.first().is_none_or(|polled| polled.revents != 0);
        Ok(self.is_ready || has_some)
    }

    /// Whether the system still has an interface of this name. Cards that it does not know
    /// never say that they are down, so nobody asks.
    pub fn is_present(&self) -> bool {
        index(&self.name).is_ok()
    }

    /// Whether the interface is up, if the system knows it.
    pub fn is_up(&self) -> bool {
        is_up(&self.name)
    }

    /// Lends the frames that are ready, numbered on from those before.
    pub fn batch(&mut self) -> LiveBatch<'_> {
        self.buffer.clear();
        let mut headers = Vec::new();
        self.is_ready = true;
        while !self.is_over
            && headers.len() < BATCH_FRAMES
            && self.buffer.len() < BATCH_BYTES
        {
            match self.handle.next_packet() {
                Ok(packet) => {
                    let time = time_of(packet.header.ts);
                    if self.until.is_some_and(|until| time > until) {
                        self.is_ready = false;
                        self.is_over = true;
                        break;
                    }
                    headers.push((time, packet.data.len(), packet.header.len));
                    self.buffer.extend_from_slice(packet.data);
                }
                Err(error) => {
                    self.is_ready = false;
                    if error != Error::TimeoutExpired {
                        let error = system_error(error);
                        self.failure = Some(LiveError::new(&self.name, "read", error));
                    }
                    break;
                }
            }
        }
        let counters = &mut self.counters;
        let mut rest = &self.buffer[..];
        let mut frames = Vec::with_capacity(headers.len());
        for (time, len, original_len) in headers {
            let (data, later) = rest.split_at(len);
            rest = later;
            counters.frames += 1;
            counters.bytes += u64::from(original_len);
            counters.cut += u64::from((len as u64) < u64::from(original_len));
            let number = counters.frames;
            let link = self.link;
            frames.push(Frame { number, time, link, original_len, tap: 0, data });
        }
        let last = frames.last().map(|frame| frame.time);
        LiveBatch::of(frames, last.filter(|_| self.is_ready))
    }

    /// What came in so far, as far as the library counts; its own counters are of 32 bits
    /// and run over: look at least once a minute.
    ///
    /// # Errors
    ///
    /// When the library refuses.
    pub fn counters(&mut self) -> Result<LiveCounters, LiveError> {
        let now = self.handle.stats().map_err(|error| {
            LiveError::new(&self.name, "be asked for counters", system_error(error))
        })?;
        let since = |now: u32, before: u32| u64::from(now.wrapping_sub(before));
        self.counters.kernel_packets += since(now.received, self.before.received);
        self.counters.kernel_drops += since(now.dropped, self.before.dropped)
            + since(now.if_dropped, self.before.if_dropped);
        self.before = now;
        Ok(self.counters)
    }
}

/// A time of microseconds; one before 1970 is 0.
fn time_of(time: libc::timeval) -> Timestamp {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let micros = u64::try_from(time.tv_usec).unwrap_or(0);
    Timestamp::from_nanos(seconds.saturating_mul(1_000_000_000) + micros * 1_000)
}

/// The library has words for what the system has numbers for.
fn system_error(error: Error) -> io::Error {
    let text = match error {
        Error::PcapError(text) => text,
        other => other.to_string(),
    };
    let kind = match &text {
        text if text.contains("ermission") || text.contains("permitted") => {
            io::ErrorKind::PermissionDenied
        }
        text if text.contains("went down") || text.contains("is not up") => {
            io::ErrorKind::NetworkDown
        }
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, text)
}

/// The library's number for a link type of files: one alone has another (`DLT_RAW`).
fn library_link(link: LinkType) -> Option<Linktype> {
    let link = if link == LinkType::RAW { LinkType::RAW_BSD } else { link };
    i32::try_from(link.0).ok().map(Linktype)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_compiled_or_refused_in_the_librarys_words() {
        let program = BpfProgram::compile("ip", LinkType::ETHERNET).unwrap();
        let text = "4\n40 0 0 12\n21 0 1 2048\n6 0 0 65535\n6 0 0 0\n";
        let printed = BpfProgram::from_ddd(text).unwrap();
        assert_eq!(program.cut(64), printed.cut(64));
        let error = BpfProgram::compile("tcp porrt 80", LinkType::ETHERNET).unwrap_err();
        assert!(error.to_string().contains("syntax error"), "{error}");
    }

    #[test]
    fn what_the_library_says_becomes_a_kind() {
        let kind = |text: &str| system_error(Error::PcapError(text.to_owned())).kind();
        assert_eq!(
            kind("eth0: You don't have permission to perform this capture"),
            io::ErrorKind::PermissionDenied
        );
        assert_eq!(kind("The interface went down"), io::ErrorKind::NetworkDown);
        assert_eq!(kind("no such device"), io::ErrorKind::Other);
    }

    #[test]
    fn times_are_microseconds() {
        let time = libc::timeval { tv_sec: 2, tv_usec: 3 };
        assert_eq!(time_of(time), Timestamp::from_nanos(2_000_003_000));
        let before = libc::timeval { tv_sec: -1, tv_usec: 0 };
        assert_eq!(time_of(before), Timestamp::from_nanos(0));
    }
}
