//! Capture files and live interfaces as frames for [`wormsift`].
//!
//! Reads files, folders, glob patterns, standard input or memory: classic pcap or
//! pcapng, plain or compressed with gzip or zstd. A file's first bytes say what it is,
//! never its name. All inputs of a call are one [`Trace`], merged by time. It is read in
//! [`FrameBatch`]es, which own their frames: one thread can read ahead while others sift.
//!
//! - [`find`] finds the files behind arguments (`input`), in natural order (`natural`);
//!   what in a folder is no capture is left out by its first bytes (`foreign`).
//! - Content runs through chunks of bounded size, which are used again once no batch
//!   holds them (`stream`, `buffer`, `window`). Files are read, not mapped: a copy brings
//!   bytes into the cache in order, where walking a map from header to header waits for
//!   memory at each, and for the pages' addresses.
//! - `pcap` and `pcapng` tell where the next record is and what it says. The headers
//!   are parsed by pcap-parser, which no other module names. Where it cannot help, a
//!   comment says why.
//! - `file` walks one file, `trace` all of them: files that overlap in time are merged,
//!   with as many under way as overlap. `source` keeps few of them open.
//!
//! - `live` (a feature, on Linux) takes frames from an interface.
//!
//! Damaged input is not an error of the program: what can be read is used, and one
//! [`Damage`] line a file says what was expected where, and what was there.

mod batch;
mod buffer;
mod counters;
mod damage;
mod disorder;
mod file;
mod foreign;
mod format;
mod input;
#[cfg(all(feature = "live", target_os = "linux"))]
pub mod live;
mod natural;
mod pcap;
mod pcapng;
#[cfg(test)]
mod samples;
mod source;
mod step;
mod stream;
#[cfg(test)]
mod tests;
mod ticks;
mod trace;
mod window;

pub use batch::{FrameBatch, Limits};
pub use counters::CaptureCounters;
pub use damage::{Damage, Place};
pub use disorder::Disorder;
pub use input::{Input, Inputs, Skipped, find, inputs};
pub use trace::Trace;

/// The longest record, or pcapng block, that is believed, header included: 16 MiB, as
/// in Wireshark and libpcap for blocks. A longer one is damage.
pub const MAX_RECORD_BYTES: usize = 16 << 20;
