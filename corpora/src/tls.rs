//! TLS messages in the clear (RFC 5246), and records that look encrypted.

use crate::rng::Rng;

pub(crate) const HANDSHAKE: u8 = 22;
const APPLICATION: u8 = 23;
/// The version that records name, but for a client's first one.
pub(crate) const VERSION: u16 = 0x0303;

/// One record around a message.
pub(crate) fn record(kind: u8, version: u16, message: &[u8]) -> Vec<u8> {
    [&[kind][..], &version.to_be_bytes(), &counted_16(message)].concat()
}

/// One handshake message.
pub(crate) fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &counted_24(body)].concat()
}

/// A client's hello: random bytes, a session, ciphers, the server's name, and the
/// extensions that `further` draws.
pub(crate) fn client_hello(
    ciphers: &[u16],
    server_name: &str,
    rng: &mut Rng,
    further: impl FnOnce(&mut Rng) -> Vec<u8>,
) -> Vec<u8> {
    let mut body = hello_start(rng);
    let ciphers: Vec<u8> = ciphers.iter().flat_map(|one| one.to_be_bytes()).collect();
    body.extend(counted_16(&ciphers));
    body.extend([1, 0]);
    let name = [&[0][..], &counted_16(server_name.as_bytes())].concat();
    let extensions = [extension(0, &counted_16(&name)), further(rng)].concat();
    body.extend(counted_16(&extensions));
    handshake(1, &body)
}

/// A server's hello: random bytes, a session, and what `rest` draws, from the cipher on.
pub(crate) fn server_hello(
    rng: &mut Rng,
    rest: impl FnOnce(&mut Rng) -> Vec<u8>,
) -> Vec<u8> {
    let body = [hello_start(rng), rest(rng)].concat();
    handshake(2, &body)
}

/// A record of so many random bytes.
pub(crate) fn secret(length: usize, rng: &mut Rng) -> Vec<u8> {
    record(APPLICATION, VERSION, &rng.bytes(length))
}

/// Version, random bytes, session.
fn hello_start(rng: &mut Rng) -> Vec<u8> {
    let mut body = vec![3, 3];
    rng.append(32, &mut body);
    body.push(32);
    rng.append(32, &mut body);
    body
}

pub(crate) fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &counted_16(body)].concat()
}

/// Two bytes of length, then the bytes.
pub(crate) fn counted_16(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes(), bytes].concat()
}

/// Three bytes of length, then the bytes.
pub(crate) fn counted_24(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes()[1..], bytes].concat()
}
