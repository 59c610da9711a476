//! A piece of stream that holds an alarmed window.

use crate::packet::{Host, Timestamp};
use std::ops::Range;
use std::sync::Arc;

/// A kept piece of stream in which a candidate's window was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The flow shard that keeps it.
    pub flow_shard: u8,
    /// Its number there; with the shard, its name. Never given to another piece.
    pub id: u64,
    /// The bytes, shared by all windows seen in them.
    pub bytes: Arc<[u8]>,
    /// Where the candidate's window lies in `bytes`.
    pub window: Range<usize>,
    /// Who sent it.
    pub source: Host,
    /// Whom it was sent to.
    pub destination: Host,
    /// Port of the sender.
    pub source_port: u16,
    /// Port of the receiver.
    pub destination_port: u16,
    /// Number of the packet that it was taken from.
    pub packet: u64,
    /// That packet's time.
    pub time: Timestamp,
    /// Its payload bytes, where it is a whole datagram.
    pub payload_length: Option<u32>,
}

impl Sample {
    /// The name of the piece of stream: equal for two windows seen in one piece.
    pub fn name(&self) -> (u8, u64) {
        (self.flow_shard, self.id)
    }

    /// The window's bytes, or `None` when it is empty or not inside the sample.
    pub fn window_bytes(&self) -> Option<&[u8]> {
        self.bytes.get(self.window.clone()).filter(|bytes| !bytes.is_empty())
    }
}

#[cfg(test)]
pub(super) mod testing {
    //! Samples for this module's tests.

    use super::*;

    pub(crate) fn host(n: u64) -> Host {
        Host(0xffff_0a00_0000 + u128::from(n))
    }

    pub(crate) fn sample(
        id: u64,
        source: u64,
        bytes: &[u8],
        window: Range<usize>,
    ) -> Sample {
        Sample {
            flow_shard: (id % 64) as u8,
            id,
            bytes: bytes.into(),
            window,
            source: host(source),
            destination: host(1_000 + id),
            source_port: 1_024,
            destination_port: 445,
            packet: 10 + id,
            time: Timestamp::from_nanos(1_000 * id),
            payload_length: None,
        }
    }

    pub(crate) fn sample_at(
        id: u64,
        source: u64,
        bytes: Vec<u8>,
        start: usize,
        width: usize,
    ) -> Sample {
        sample(id, source, &bytes, start..start + width)
    }
}
