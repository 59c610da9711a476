//! One AF_PACKET ring: the frames in the blocks that the kernel has filled.

use super::error::LiveError;
use super::rings::LiveSettings;
use super::socket::{Interface, Socket};
use std::io;
use std::mem::{offset_of, size_of};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};
use wormsift::packet::{Frame, LinkType, Timestamp};

/// Bytes of a block: several of the longest frames that the kernel puts together (64 KiB
/// and headers). A multiple of every page size in use.
pub(super) const BLOCK_BYTES: usize = 1 << 20;
/// Milliseconds after which the kernel hands over a block that is not full.
pub(super) const RETIRE_MILLISECONDS: u32 = 50;
/// Blocks of one ring in a batch: what the sensor sifts between two barriers.
pub(super) const MOST_BLOCKS: usize = 4;
/// A VLAN tag; the kernel leaves so much room before each frame.
const TAG_BYTES: usize = 4;
/// Where the tag belongs: after both addresses.
const ADDRESSES_BYTES: usize = 12;
/// Ethernet's type of an 802.1Q tag, where the kernel does not tell.
const DOT1Q: u16 = 0x8100;

/// A socket and the blocks that it shares with the kernel.
pub(super) struct Ring {
    pub(super) socket: Socket,
    memory: NonNull<u8>,
    blocks: usize,
    /// The block to look at next.
    next: usize,
    link: LinkType,
}

/// A block that was taken from the kernel and not yet looked into.
pub(super) struct Taken(usize);

/// A block whose frames are lent out, until it is released.
pub(super) struct Lent(usize);

/// What the frames of a block are, beside themselves.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Walked {
    pub(super) frames: u64,
    pub(super) bytes: u64,
    pub(super) cut: u64,
    pub(super) vlan: u64,
}

impl Ring {
    /// A ring that receives nothing before its socket is bound.
    pub(super) fn open(
        settings: &LiveSettings,
        interface: Interface,
    ) -> Result<Self, LiveError> {
        let socket = Socket::open(&settings.interface, interface.ethernet)?;
        let version = libc::tpacket_versions::TPACKET_V3 as i32;
        socket.set(libc::PACKET_VERSION, version, "use TPACKET_V3")?;
        socket.set(
            libc::PACKET_RESERVE,
            TAG_BYTES as u32,
            "reserve room for VLAN tags",
        )?;
        if settings.ignore_outgoing || interface.loopback {
            let doing = "leave out outgoing frames";
            socket.set(libc::PACKET_IGNORE_OUTGOING, 1_i32, doing)?;
        }
        let blocks = (settings.ring_bytes / BLOCK_BYTES).max(2);
        // Frames of a V3 ring have no fixed size; the kernel wants one that divides.
        let request = libc::tpacket_req3 {
            tp_block_size: BLOCK_BYTES as u32,
            tp_block_nr: blocks as u32,
            tp_frame_size: BLOCK_BYTES as u32,
            tp_frame_nr: blocks as u32,
            tp_retire_blk_tov: RETIRE_MILLISECONDS,
            tp_sizeof_priv: 0,
            tp_feature_req_word: 0,
        };
        socket.set(libc::PACKET_RX_RING, request, "make the ring")?;
        let memory = map(&socket, blocks * BLOCK_BYTES)?;
        Ok(Self { socket, memory, blocks, next: 0, link: interface.link() })
    }

    /// Bytes shared with the kernel.
    pub(super) fn memory_bytes(&self) -> usize {
        self.blocks * BLOCK_BYTES
    }

    /// Takes the next block from the kernel, if it is full or has waited long enough.
    ///
    /// At most [`Ring::at_once`] may be out at a time: with all of them out, the next
    /// would be one that is out already.
    pub(super) fn take(&mut self) -> Option<Taken> {
        if !self.is_ready() {
            return None;
        }
        let block = Taken(self.next);
        self.next = (self.next + 1) % self.blocks;
        Some(block)
    }

    /// Whether a block is ready.
    pub(super) fn is_ready(&self) -> bool {
        // Acquire: what the kernel wrote before it gave the block away is seen.
        let status = self.status(self.next).load(Ordering::Acquire);
        status & libc::TP_STATUS_USER != 0
    }

    /// Blocks that may be taken before one is released: enough to sift, while the kernel
    /// has at least half of the ring to fill.
    pub(super) fn at_once(&self) -> usize {
        (self.blocks / 2).min(MOST_BLOCKS)
    }
}

// The blocks are memory that the kernel writes and that has no other owner, so that they
// are read through pointers. A block is the kernel's while its status says so, and then
// only the status is touched; it is this process's from `take` to `release`.
#[allow(unsafe_code)]
impl Ring {
    fn block(&self, block: usize) -> NonNull<u8> {
        assert!(block < self.blocks);
        // SAFETY: the block's number is below `blocks`, so that this stays in the mapping.
        unsafe { self.memory.add(block * BLOCK_BYTES) }
    }

    fn status(&self, block: usize) -> &AtomicU32 {
        const AT: usize = offset_of!(libc::tpacket_block_desc, hdr)
            + offset_of!(libc::tpacket_hdr_v1, block_status);
        // SAFETY: an aligned u32 inside the mapping, which both sides use as an atomic
        // and which lives as long as `self`.
        unsafe { self.block(block).add(AT).cast::<AtomicU32>().as_ref() }
    }

    /// Puts the frames of a block into a list; numbers are left at 0. VLAN tags are put
    /// back in place, so a block is walked once: the types see to that.
    pub(super) fn walk<'a>(
        &'a self,
        block: Taken,
        frames: &mut Vec<Frame<'a>>,
    ) -> (Walked, Lent) {
        // SAFETY: it lies in the mapping, which lives as long as `self`. The block is this
        // process's until it is released, so that nobody else writes to it, and no other
        // reference into it is made: a `Taken` is given out once, and the status is not
        // read before the release.
        let bytes = unsafe {
            std::slice::from_raw_parts_mut(self.block(block.0).as_ptr(), BLOCK_BYTES)
        };
        (walk_block(bytes, self.link, frames), Lent(block.0))
    }

    /// Gives a block back to the kernel.
    ///
    /// # Safety
    ///
    /// No frame of the block may be looked at any more.
    pub(super) unsafe fn release(&self, block: Lent) {
        // Release: whatever was read before is read before the kernel writes again.
        self.status(block.0).store(libc::TP_STATUS_KERNEL, Ordering::Release);
    }
}

#[allow(unsafe_code)] // A mapping is made and ended by system calls.
fn map(socket: &Socket, bytes: usize) -> Result<NonNull<u8>, LiveError> {
    // SAFETY: a new mapping at an address of the kernel's choice; the result is checked.
    let memory = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            bytes,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED,
            socket.raw_fd(),
            0,
        )
    };
    if memory == libc::MAP_FAILED {
        return Err(LiveError::last(&socket.interface, "map the ring"));
    }
    NonNull::new(memory.cast()).ok_or_else(|| {
        let source = io::Error::other("the kernel mapped it at address 0");
        LiveError::new(&socket.interface, "map the ring", source)
    })
}

impl Drop for Ring {
    #[allow(unsafe_code)] // See `map`.
    fn drop(&mut self) {
        // SAFETY: the mapping that `map` made, of this length; frames borrow `self`, so
        // that none is left. It fails only for other addresses than that.
        unsafe { libc::munmap(self.memory.as_ptr().cast(), self.memory_bytes()) };
    }
}

/// A 32-bit number in a block, as this machine writes it.
fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Every offset is checked against the block: a frame that claims to lie elsewhere ends
/// the walk.
fn walk_block<'a>(
    bytes: &'a mut [u8],
    link: LinkType,
    frames: &mut Vec<Frame<'a>>,
) -> Walked {
    const HEAD: usize = offset_of!(libc::tpacket_block_desc, hdr);
    let mut walked = Walked::default();
    let total = bytes.len();
    let field = |at| word(bytes, HEAD + at).unwrap_or(0);
    let count = field(offset_of!(libc::tpacket_hdr_v1, num_pkts));
    let mut at = field(offset_of!(libc::tpacket_hdr_v1, offset_to_first_pkt)) as usize;
    // What is behind the current header; frames are cut off its front one by one.
    let mut rest = bytes;
    let mut behind = 0;
    for _ in 0..count {
        let Some(header) = at.checked_sub(behind).and_then(|at| Header::read(rest, at))
        else {
            break;
        };
        let next = if header.next == 0 { None } else { at.checked_add(header.next) };
        let own = next.map_or(total, |next| next.min(total)) - behind;
        let (this, others) = std::mem::take(&mut rest).split_at_mut(own);
        rest = others;
        let start = at - behind;
        behind += own;
        let Some(frame) = header.frame(this, start, link) else { break };
        walked.frames += 1;
        walked.bytes += u64::from(frame.original_len);
        walked.cut += u64::from(frame.data.len() < frame.original_len as usize);
        walked.vlan += u64::from(header.tag(link).is_some());
        frames.push(frame);
        match next {
            Some(next) => at = next,
            None => break,
        }
    }
    walked
}

/// What the kernel says of a frame.
struct Header {
    next: usize,
    time: Timestamp,
    captured: usize,
    original: u32,
    status: u32,
    start: usize,
    tci: u16,
    tpid: u16,
}

impl Header {
    fn read(bytes: &[u8], at: usize) -> Option<Self> {
        use libc::{tpacket_hdr_variant1 as tag, tpacket3_hdr as head};
        const TAG: usize = offset_of!(head, hv1);
        bytes.get(at..at.checked_add(size_of::<head>())?)?;
        let field = |offset| word(bytes, at + offset);
        let seconds = u64::from(field(offset_of!(head, tp_sec))?);
        let nanos = u64::from(field(offset_of!(head, tp_nsec))?);
        Some(Self {
            next: field(offset_of!(head, tp_next_offset))? as usize,
            time: Timestamp::from_nanos(seconds * 1_000_000_000 + nanos),
            captured: field(offset_of!(head, tp_snaplen))? as usize,
            original: field(offset_of!(head, tp_len))?,
            status: field(offset_of!(head, tp_status))?,
            start: usize::from(half(bytes, at + offset_of!(head, tp_mac))?),
            tci: field(TAG + offset_of!(tag, tp_vlan_tci))? as u16,
            tpid: half(bytes, at + TAG + offset_of!(tag, tp_vlan_tpid))?,
        })
    }

    /// The VLAN tag that the kernel took out, if this kind of frame can hold it.
    fn tag(&self, link: LinkType) -> Option<[u8; TAG_BYTES]> {
        let valid = self.status & libc::TP_STATUS_VLAN_VALID != 0;
        if !valid || link != LinkType::ETHERNET || self.captured < ADDRESSES_BYTES {
            return None;
        }
        let told = self.status & libc::TP_STATUS_VLAN_TPID_VALID != 0;
        let [a, b] = if told { self.tpid } else { DOT1Q }.to_be_bytes();
        let [c, d] = self.tci.to_be_bytes();
        Some([a, b, c, d])
    }

    /// The frame whose header is at `at`, with its VLAN tag in it.
    fn frame<'a>(
        &self,
        bytes: &'a mut [u8],
        at: usize,
        link: LinkType,
    ) -> Option<Frame<'a>> {
        let mut start = at.checked_add(self.start)?;
        let end = start.checked_add(self.captured)?;
        let mut original_len = self.original;
        bytes.get(start..end)?;
        if let Some(tag) = self.tag(link) {
            // The addresses move into the room that was reserved before the frame.
            let first = start.checked_sub(TAG_BYTES)?;
            bytes.copy_within(start..start + ADDRESSES_BYTES, first);
            bytes[first + ADDRESSES_BYTES..][..TAG_BYTES].copy_from_slice(&tag);
            start = first;
            original_len += TAG_BYTES as u32;
        }
        let data = &bytes[start..end];
        Some(Frame { number: 0, time: self.time, link, original_len, tap: 0, data })
    }
}

#[cfg(test)]
mod tests;
