//! TLS messages in the clear (RFC 5246).

use crate::rng::Rng;

pub(super) const HANDSHAKE: u8 = 22;
pub(super) const APPLICATION: u8 = 23;

/// One record around a message.
pub(super) fn record(kind: u8, message: &[u8]) -> Vec<u8> {
    let mut out = vec![kind, 3, 3];
    out.extend_from_slice(&counted_16(message));
    out
}

/// One handshake message.
pub(super) fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![kind];
    out.extend_from_slice(&counted_24(body));
    out
}

/// A client hello: what varies from connection to connection, then what a program
/// says every time.
pub(super) fn client_hello(
    program: &Program,
    server_name: &str,
    rng: &mut Rng,
) -> Vec<u8> {
    let mut body = hello_start(rng);
    let ciphers: Vec<u8> = program.ciphers.iter().flat_map(|c| c.to_be_bytes()).collect();
    body.extend_from_slice(&counted_16(&ciphers));
    body.extend_from_slice(&[1, 0]);
    let mut name = vec![0];
    name.extend_from_slice(&counted_16(server_name.as_bytes()));
    let mut extensions = extension(0, &counted_16(&name));
    extensions.extend_from_slice(&program.extensions);
    body.extend_from_slice(&counted_16(&extensions));
    record(HANDSHAKE, &handshake(1, &body))
}

/// A server hello.
pub(super) fn server_hello(cipher: u16, rng: &mut Rng) -> Vec<u8> {
    let mut body = hello_start(rng);
    body.extend_from_slice(&cipher.to_be_bytes());
    body.push(0);
    record(HANDSHAKE, &handshake(2, &body))
}

/// Records that are secret, or as good as random: so many bytes inside.
pub(super) fn secret(length: usize, rng: &mut Rng) -> Vec<u8> {
    let mut bytes = Vec::new();
    rng.append(length, &mut bytes);
    record(APPLICATION, &bytes)
}

/// What a TLS program says of itself.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) ciphers: Vec<u16>,
    extensions: Vec<u8>,
}

impl Program {
    /// A program with its own order of ciphers, groups and signature algorithms.
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
}

/// Version, random bytes, session.
fn hello_start(rng: &mut Rng) -> Vec<u8> {
    let mut body = vec![3, 3];
    rng.append(32, &mut body);
    body.push(32);
    rng.append(32, &mut body);
    body
}

fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
    let mut out = kind.to_be_bytes().to_vec();
    out.extend_from_slice(&counted_16(body));
    out
}

/// Two bytes of length, then the bytes.
pub(super) fn counted_16(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes(), bytes].concat()
}

/// Three bytes of length, then the bytes.
pub(super) fn counted_24(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes()[1..], bytes].concat()
}
