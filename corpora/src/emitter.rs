//! Datagrams entered into the queue of frames, whole or in fragments, in either
//! direction.

use std::net::IpAddr;

use crate::frame_builder::{Datagram, FrameBuilder, Transport};
use crate::traffic::{FrameQueue, Mark};

/// Between two frames of one sender: 376 bytes at about 150 Mbit/s.
pub(crate) const FRAME_GAP_NS: u64 = 20_000;

/// A host as the tap sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    pub(crate) address: IpAddr,
    pub(crate) port: u16,
    pub(crate) inside: bool,
    pub(crate) hop_limit: u8,
}

/// Builds frames into a queue. The tap is a link between two routers, whose
/// hardware addresses every frame has.
#[derive(Debug)]
pub(crate) struct Emitter {
    inbound: FrameBuilder,
    outbound: FrameBuilder,
    fragment: Option<usize>,
    identification: u32,
}

impl Emitter {
    /// `inbound` wraps what goes inside, its mirror image what goes out.
    pub(crate) fn new(inbound: FrameBuilder, fragment: Option<usize>) -> Self {
        let outbound = FrameBuilder {
            source_mac: inbound.destination_mac,
            destination_mac: inbound.source_mac,
            ..inbound.clone()
        };
        Self { inbound, outbound, fragment, identification: 0 }
    }

    /// Enters one datagram; an infection is complete with its last fragment.
    /// Returns when its last frame leaves.
    pub(crate) fn emit(
        &mut self,
        queue: &mut FrameQueue,
        time_ns: u64,
        mark: Mark,
        (from, to): (&End, &End),
        transport: Transport,
        payload: &[u8],
    ) -> u64 {
        self.identification = self.identification.wrapping_add(1);
        let datagram = Datagram {
            source: from.address,
            destination: to.address,
            hop_limit: from.hop_limit,
            identification: self.identification,
            transport,
            payload,
        };
        let builder = if from.inside { &self.outbound } else { &self.inbound };
        let Some(size) = self.fragment else {
            queue.push(time_ns, mark, |frame| builder.frame(&datagram, frame));
            return time_ns;
        };
        let fragments = builder.fragments(&datagram, size);
        let last = fragments.len().saturating_sub(1);
        let mut time_ns = time_ns;
        for (index, fragment) in fragments.into_iter().enumerate() {
            let mark = match mark {
                Mark::Content { content, .. } if index < last => {
                    Mark::Content { content, infects: None }
                }
                mark => mark,
            };
            if index > 0 {
                time_ns += FRAME_GAP_NS;
            }
            queue.push(time_ns, mark, |frame| *frame = fragment);
        }
        time_ns
    }
}
