//! Several rings as one order of frames.

use super::bpf::BpfProgram;
use super::error::LiveError;
use super::poll::{poll, readable};
use super::ring::{BLOCK_BYTES, Lent, MOST_BLOCKS, RETIRE_MILLISECONDS, Ring, Walked};
use super::socket::{Interface, index, interface, is_up};
use std::num::NonZero;
use std::ops::AddAssign;
use std::time::Duration;
use wormsift::packet::{Frame, LinkType, Timestamp};

/// What is captured, and how.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LiveSettings {
    /// The interface's name; `any` for all of them.
    pub interface: String,
    /// Rings; flows are spread over them. Default 1.
    pub rings: NonZero<u16>,
    /// Bytes of each ring, at least 2 MiB, in steps of 1 MiB. Default 64 MiB: half a
    /// second of 1 Gbit/s.
    pub ring_bytes: usize,
    /// Bytes of a frame that are captured at most. Default 262,144: all, as tcpdump has it.
    pub snaplen: u32,
    /// Whether frames to other hosts are asked for. Default on.
    pub promiscuous: bool,
    /// Whether frames that this host sends are left out; always so on a loopback
    /// interface, which shows each frame twice. Default off.
    pub ignore_outgoing: bool,
    /// What the kernel lets through. Default everything.
    pub filter: Option<BpfProgram>,
}

impl LiveSettings {
    /// The defaults for an interface.
    pub fn new(interface: &str) -> Self {
        Self {
            interface: interface.to_owned(),
            rings: NonZero::<u16>::MIN,
            ring_bytes: 64 << 20,
            snaplen: 262_144,
            promiscuous: true,
            ignore_outgoing: false,
            filter: None,
        }
    }
}

/// What came in since the rings were opened.
///
/// Once the rings are drained ([`Rings::stop_receiving`]), `kernel_packets` is `frames` +
/// `kernel_drops`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LiveCounters {
    /// Frames that passed the filter, as the kernel counts them: with those dropped.
    pub kernel_packets: u64,
    /// Frames for which the rings had no room.
    pub kernel_drops: u64,
    /// How often a ring was full.
    pub kernel_freezes: u64,
    /// Frames lent.
    pub frames: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// Frames that were cut at the snaplen.
    pub cut: u64,
    /// Frames into which a VLAN tag was put back.
    pub vlan_restored: u64,
    /// Blocks that the kernel handed over.
    pub blocks: u64,
    /// Frames of several interfaces that went on before those of others: for want of memory,
    /// or because they had waited too long.
    pub merged_early: u64,
    /// Frames of several interfaces that came after later ones of others had gone on.
    pub merged_late: u64,
}

/// Of several interfaces.
impl AddAssign for LiveCounters {
    fn add_assign(&mut self, other: Self) {
        self.kernel_packets += other.kernel_packets;
        self.kernel_drops += other.kernel_drops;
        self.kernel_freezes += other.kernel_freezes;
        self.frames += other.frames;
        self.bytes += other.bytes;
        self.cut += other.cut;
        self.vlan_restored += other.vlan_restored;
        self.blocks += other.blocks;
        self.merged_early += other.merged_early;
        self.merged_late += other.merged_late;
    }
}

/// The rings of one interface, open and receiving.
pub struct Rings {
    rings: Vec<Ring>,
    interface: Interface,
    name: String,
    snaplen: u32,
    frames: u64,
    /// The time of the last frame that each ring gave.
    last: Vec<Timestamp>,
    counters: LiveCounters,
}

impl Rings {
    /// Opens the interface: from here on frames are received.
    ///
    /// # Errors
    ///
    /// The system call that failed: no such interface, no permission, no memory.
    pub fn open(settings: &LiveSettings) -> Result<Self, LiveError> {
        let interface = interface(&settings.interface)?;
        let mut rings = Vec::with_capacity(usize::from(settings.rings.get()));
        let nothing = BpfProgram::everything(0);
        let mut group = None;
        for _ in 0..settings.rings.get() {
            let ring = Ring::open(settings, interface)?;
            // A group can only be joined by a socket that receives, and a socket receives
            // everything until it is in the group; so nothing passes before all are in.
            ring.socket.attach(&nothing)?;
            ring.socket.bind(interface)?;
            if settings.rings.get() > 1 {
                join(&ring, &mut group, settings.ignore_outgoing || interface.loopback)?;
            }
            rings.push(ring);
        }
        if settings.promiscuous && interface.index != 0 && !interface.loopback {
            rings[0].socket.promiscuous(interface)?;
        }
        let rings = Self {
            last: vec![Timestamp::default(); rings.len()],
            rings,
            interface,
            name: settings.interface.clone(),
            snaplen: settings.snaplen,
            frames: 0,
            counters: LiveCounters::default(),
        };
        rings.set_filter(settings.filter.as_ref())?;
        Ok(rings)
    }

    /// How frames begin.
    pub fn link(&self) -> LinkType {
        self.interface.link()
    }

    /// How many rings there are.
    pub fn len(&self) -> usize {
        self.rings.len()
    }

    /// Never: there is at least one ring.
    pub fn is_empty(&self) -> bool {
        self.rings.is_empty()
    }

    /// Bytes shared with the kernel.
    pub fn memory_bytes(&self) -> usize {
        self.rings.iter().map(Ring::memory_bytes).sum()
    }

    /// Bytes of each ring in a batch at most.
    pub const BATCH_BYTES: usize = MOST_BLOCKS * BLOCK_BYTES;

    /// Bytes of the blocks that a batch may hold.
    pub fn batch_bytes(&self) -> usize {
        self.rings.len() * Self::BATCH_BYTES
    }

    /// From now on the kernel lets only this through; everything for `None`. What is in
    /// the rings already stays.
    ///
    /// # Errors
    ///
    /// When the kernel refuses the program.
    pub fn set_filter(&self, filter: Option<&BpfProgram>) -> Result<(), LiveError> {
        let program = match filter {
            Some(program) => program.cut(self.snaplen),
            None => BpfProgram::everything(self.snaplen),
        };
        self.rings.iter().try_for_each(|ring| ring.socket.attach(&program))
    }

    /// Receives nothing more. What has come in so far is handed over within
    /// [`Rings::HAND_OVER`]; when [`batch`](Self::batch) is empty after that, all is seen.
    ///
    /// # Errors
    ///
    /// When the kernel refuses.
    pub fn stop_receiving(&self) -> Result<(), LiveError> {
        let nothing = BpfProgram::everything(0);
        self.rings.iter().try_for_each(|ring| ring.socket.attach(&nothing))
    }

    /// Within this time the kernel hands over what came in, full block or not; twice its
    /// timer.
    pub const HAND_OVER: Duration = Duration::from_millis(2 * RETIRE_MILLISECONDS as u64);

    /// Waits until frames are ready, or a signal comes, or the time is over. Whether
    /// frames are ready.
    ///
    /// # Errors
    ///
    /// When the interface is down ([`LiveError::is_down`]; said once each time) or gone.
    pub fn wait(&self, time: Duration) -> Result<bool, LiveError> {
        if self.is_ready() {
            return Ok(true);
        }
        let mut polled = Vec::new();
        self.add_polled(&mut polled);
        poll(&mut polled, time)
            .map_err(|error| LiveError::new(&self.name, "wait", error))?;
        self.heard(&polled)
    }

    /// Adds what is to be polled for them.
    pub(super) fn add_polled(&self, polled: &mut Vec<libc::pollfd>) {
        polled.extend(self.rings.iter().map(|ring| readable(ring.socket.raw_fd())));
    }

    /// What a poll has said of them. Takes the errors of all rings, of which the first is
    /// told: an interface that goes down is an error of each.
    pub(super) fn heard(&self, polled: &[libc::pollfd]) -> Result<bool, LiveError> {
        let mut heard = Ok(());
        for (ring, polled) in self.rings.iter().zip(polled) {
            if polled.revents & (libc::POLLERR | libc::POLLHUP) != 0 {
                heard = heard.and(ring.socket.pending_error());
            }
        }
        heard.map(|()| self.is_ready())
    }

    /// Whether frames are ready.
    pub fn is_ready(&self) -> bool {
        self.rings.iter().any(Ring::is_ready)
    }

    /// Whether the interface is still there, under the same number.
    pub fn is_present(&self) -> bool {
        self.interface.index == 0
            || index(&self.name).is_ok_and(|(now, _)| now == self.interface.index)
    }

    /// Whether the interface is up.
    pub fn is_up(&self) -> bool {
        self.interface.index == 0 || is_up(&self.name)
    }

    /// Lends the frames that are ready, some blocks of each ring, in order of their times
    /// (one ring: as they came), numbered on from those before.
    pub fn batch(&mut self) -> LiveBatch<'_> {
        let mut taken = Vec::new();
        for (index, ring) in self.rings.iter_mut().enumerate() {
            for _ in 0..ring.at_once() {
                let Some(block) = ring.take() else { break };
                taken.push((index, block));
            }
        }
        let rings = &self.rings[..];
        let mut frames = Vec::new();
        let mut sum = Walked::default();
        let mut lent = Vec::with_capacity(taken.len());
        for (ring, block) in taken {
            let (walked, block) = rings[ring].walk(block, &mut frames);
            if walked.frames > 0 {
                self.last[ring] = frames.last().map_or(self.last[ring], |it| it.time);
            }
            sum.frames += walked.frames;
            sum.bytes += walked.bytes;
            sum.cut += walked.cut;
            sum.vlan += walked.vlan;
            lent.push((ring, block));
        }
        if rings.len() > 1 {
            // Stable, and quick on runs that are in order already.
            frames.sort_by_key(|frame| frame.time);
        }
        for (frame, number) in frames.iter_mut().zip(self.frames + 1..) {
            frame.number = number;
        }
        self.frames += sum.frames;
        let counters = &mut self.counters;
        counters.frames += sum.frames;
        counters.bytes += sum.bytes;
        counters.cut += sum.cut;
        counters.vlan_restored += sum.vlan;
        counters.blocks += lent.len() as u64;
        // A ring that is ready still has frames from its last one on.
        let behind = rings.iter().zip(&self.last).filter(|(ring, _)| ring.is_ready());
        let handed_over = behind.map(|(_, last)| *last).min();
        LiveBatch { frames, rings, lent, handed_over }
    }

    /// What came in so far. Asks the kernel, whose own counters are of 32 bits and begin
    /// anew with each look: look at least once a minute.
    ///
    /// # Errors
    ///
    /// When the kernel refuses.
    pub fn counters(&mut self) -> Result<LiveCounters, LiveError> {
        for ring in &self.rings {
            let new = ring.socket.statistics()?;
            self.counters.kernel_packets += u64::from(new.packets);
            self.counters.kernel_drops += u64::from(new.drops);
            self.counters.kernel_freezes += u64::from(new.freezes);
        }
        Ok(self.counters)
    }
}

/// Puts a ring into the group, which the first one makes under a number of the kernel's
/// choice.
fn join(
    ring: &Ring,
    group: &mut Option<u16>,
    ignore_outgoing: bool,
) -> Result<(), LiveError> {
    // Fragments are put together before the hash, so that a flow stays on one ring.
    let mut kind = libc::PACKET_FANOUT_HASH | libc::PACKET_FANOUT_FLAG_DEFRAG;
    if ignore_outgoing {
        kind |= libc::PACKET_FANOUT_FLAG_IGNORE_OUTGOING;
    }
    let doing = "join the fan-out group";
    match *group {
        None => {
            let first = kind | libc::PACKET_FANOUT_FLAG_UNIQUEID;
            ring.socket.set(libc::PACKET_FANOUT, first << 16, doing)?;
            *group = Some(ring.socket.fanout_group()?);
            Ok(())
        }
        Some(group) => {
            ring.socket.set(libc::PACKET_FANOUT, kind << 16 | u32::from(group), doing)
        }
    }
}

/// Frames that lie in the rings' blocks; the blocks go back to the kernel when it is
/// dropped, so a batch should not be kept for long.
pub struct LiveBatch<'a> {
    frames: Vec<Frame<'a>>,
    rings: &'a [Ring],
    lent: Vec<(usize, Lent)>,
    handed_over: Option<Timestamp>,
}

impl<'a> LiveBatch<'a> {
    /// Frames that lie elsewhere.
    #[cfg(feature = "pcap")]
    pub(super) fn of(frames: Vec<Frame<'a>>, handed_over: Option<Timestamp>) -> Self {
        Self { frames, rings: &[], lent: Vec::new(), handed_over }
    }
}

impl LiveBatch<'_> {
    /// The frames, in order of their numbers.
    pub fn frames(&self) -> &[Frame<'_>] {
        &self.frames
    }

    /// The time up to which all frames have been lent, if more are ready than fit into this
    /// batch; `None` if all that was ready is in it.
    pub fn handed_over(&self) -> Option<Timestamp> {
        self.handed_over
    }

    /// Number of frames.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether nothing was ready.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Drops the frames for which `keep` is false. The others keep their numbers.
    pub fn retain(&mut self, mut keep: impl FnMut(&Frame<'_>) -> bool) {
        self.frames.retain(|frame| keep(frame));
    }
}

impl Drop for LiveBatch<'_> {
    #[allow(unsafe_code)] // Giving a block back takes its frames from under whoever looks.
    fn drop(&mut self) {
        self.frames.clear();
        for (ring, block) in self.lent.drain(..) {
            // SAFETY: frames are lent for as long as the batch is borrowed, and it is
            // being dropped; its own list is empty.
            unsafe { self.rings[ring].release(block) };
        }
    }
}
