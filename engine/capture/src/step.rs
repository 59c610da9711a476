//! What the next bytes of a capture file are.

use super::damage::Defect;
use wormsift::packet::{LinkType, Timestamp};

/// What the next bytes of a file are.
pub(super) enum Step {
    /// A record of `bytes` bytes that holds a frame.
    Frame { bytes: usize, frame: RawFrame },
    /// A record or header of `bytes` bytes that holds none.
    Skip { bytes: usize, what: Skipped },
    /// Not all in view: `bytes` are needed for `of`. Never fewer than there are.
    Need { bytes: usize, of: &'static str },
    /// Not what they should be. The file cannot be read beyond this place.
    Broken(Box<Defect>),
}

/// A frame, its bytes counted from the start of its record.
#[derive(Clone, Copy)]
pub(super) struct RawFrame {
    pub(super) time: Timestamp,
    pub(super) link: LinkType,
    pub(super) original_len: u32,
    pub(super) start: usize,
    pub(super) len: usize,
    /// Whether the record has no time of its own.
    pub(super) untimed: bool,
    /// Whether the time was out of range.
    pub(super) clamped: bool,
}

/// Why a record is no frame.
pub(super) enum Skipped {
    /// It says how to read others.
    Structure,
    /// A block that nothing here depends on.
    Block,
    /// A packet whose interface is not described, so that its link type is unknown.
    Packet { interface: u32, described: usize },
}
