//! TLS program: what it sends of itself, the same in every session.

use crate::rng::Rng;
use crate::tls::{
    HANDSHAKE, VERSION, client_hello, counted_16, extension, record, server_hello,
};

/// A program with its own order of ciphers, groups and signature algorithms.
#[derive(Clone, Debug)]
pub(super) struct Program {
    ciphers: Vec<u16>,
    extensions: Vec<u8>,
}

impl Program {
    pub(super) fn new(rng: &mut Rng) -> Self {
        let mut ciphers: Vec<u16> = (0xc009..=0xc014).chain(0xc023..=0xc030).collect();
        rng.shuffle(&mut ciphers);
        ciphers.truncate(rng.between(10, 18) as usize);
        let list = |mut numbers: Vec<u16>, rng: &mut Rng| {
            rng.shuffle(&mut numbers);
            let bytes: Vec<u8> = numbers.iter().flat_map(|n| n.to_be_bytes()).collect();
            counted_16(&bytes)
        };
        let mut parts = vec![
            extension(10, &list((23..=30).collect(), rng)),
            extension(
                13,
                &list((1..=6).flat_map(|h| [h << 8 | 1, h << 8 | 3]).collect(), rng),
            ),
            extension(5, &[1, 0, 0, 0, 0]),
            extension(11, &[1, 0]),
            extension(35, &[]),
        ];
        rng.shuffle(&mut parts);
        Self { ciphers, extensions: parts.concat() }
    }

    /// A record with its hello to a server of this name.
    pub(super) fn client_hello(&self, server_name: &str, rng: &mut Rng) -> Vec<u8> {
        let further = |_: &mut Rng| self.extensions.clone();
        let hello = client_hello(&self.ciphers, server_name, rng, further);
        record(HANDSHAKE, VERSION, &hello)
    }

    /// A record with a server's hello to it.
    pub(super) fn server_hello(&self, rng: &mut Rng) -> Vec<u8> {
        let cipher = rng.one_of(&self.ciphers).to_be_bytes();
        let hello = server_hello(rng, |_| [&cipher[..], &[0]].concat());
        record(HANDSHAKE, VERSION, &hello)
    }
}
