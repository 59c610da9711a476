//! Datagrams put together from fragments, for callers that look at packets one by one.

use super::{Decoded, Decoder, Defragmenter, Fragment};
use crate::packet::Packet;

/// Datagrams that may wait for fragments, and their bytes.
const POOL: (usize, usize) = (512, 16 << 20);

/// The fragments of a trace, in order.
pub struct Fragments {
    decoder: Decoder,
    pool: Defragmenter,
}

impl Fragments {
    /// What is whole goes on through this decoder.
    pub fn new(decoder: Decoder) -> Self {
        Self { decoder, pool: Defragmenter::new(POOL.0, POOL.1) }
    }

    /// Takes a fragment, and hands on the packet that it completes. A datagram may hold
    /// a tunnel, and that a fragment.
    pub fn insert<E>(
        &mut self,
        fragment: &Fragment<'_>,
        each: impl FnOnce(&Packet<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut whole = self.pool.insert(fragment);
        while let Some(datagram) = whole.take() {
            match self.decoder.datagram(&datagram) {
                Decoded::Packet(packet) => return each(&packet),
                Decoded::Fragment(inner) => whole = self.pool.insert(&inner),
                Decoded::Drop(_) => {}
            }
        }
        Ok(())
    }
}
