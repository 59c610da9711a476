//! Frames from a network interface.
//!
//! Through Linux packet sockets with a `TPACKET_V3` ring each: the kernel writes frames
//! into blocks that it shares with this process, and nothing is copied on the way to the
//! sensor. [`Rings`] holds one ring a thread of the host; the kernel spreads flows over
//! them by a hash that both directions share (fan-out). [`LiveBatch`] lends the frames of
//! the blocks that are ready, and gives the blocks back when it is dropped.
//!
//! - `socket` opens a packet socket and sets it up, `ring` maps and walks its blocks,
//!   `rings` joins them, `merge` those of several interfaces; [`Sender`] puts frames on an interface, for replays.
//! - `Library` (the `pcap` feature) takes frames from libpcap in place of the rings.
//! - [`BpfProgram`] is a filter that the kernel runs, as `tcpdump -ddd` prints it.
//!
//! The kernel takes a VLAN tag out of a frame; it is put back before anybody sees the
//! frame. Times are the kernel's, in nanoseconds. What the kernel had to drop it counts,
//! and [`LiveCounters`] sums it up: frames lent plus frames dropped are the frames that
//! passed the filter.
//!
//! Opening needs `CAP_NET_RAW`; using does not.

mod bpf;
mod error;
#[cfg(feature = "pcap")]
mod library;
mod merge;
mod poll;
mod ring;
mod rings;
mod sender;
mod socket;

pub use bpf::{BpfError, BpfProgram};
pub use error::LiveError;
#[cfg(feature = "pcap")]
pub use library::{CompileError, Library, LibrarySettings};
pub use merge::{Merge, MergedBatch};
pub use poll::{Waited, wait_for_any};
pub use rings::{LiveBatch, LiveCounters, LiveSettings, Rings};
pub use sender::Sender;
