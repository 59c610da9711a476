//! What looks like TLS 1.3 (RFC 8446): a hello that differs from browser to browser, then
//! records of random bytes; long sessions are kept alive by zero bytes.

use super::site::Site;
use crate::link::Link;
use crate::rng::Rng;
use crate::tcp_session::{Peer, TcpSession};
use crate::time::SECOND;
use crate::tls::{
    HANDSHAKE, VERSION, client_hello, counted_16, extension, record, secret, server_hello,
};

/// The record that older programs expect between the hellos and what is encrypted.
const CHANGE_CIPHER: [u8; 6] = [20, 3, 3, 0, 1, 1];
const LONGEST_RECORD: usize = 16_000;

pub(super) fn session(site: &Site, time_ns: u64, link: &mut Link, rng: &mut Rng) {
    let Some(person) = rng.pick(&site.people) else { return };
    let Some(server) = rng.pick(&site.web_servers) else { return };
    let ends = (person.end.client(rng), server.end.at(443));
    let mut session = TcpSession::new(link, ends, time_ns, rng);
    session.open();
    let hello = client_hello(&person.ciphers, &server.name, rng, |rng| {
        [
            extension(43, &[2, 3, 4]),
            extension(10, &[0, 2, 0, 29]),
            extension(13, &[0, 4, 4, 3, 8, 4]),
            key_share(&[0, 36], rng),
        ]
        .concat()
    });
    session.send(Peer::Client, &record(HANDSHAKE, 0x0301, &hello), 200_000);
    let hello = server_hello(rng, |rng| {
        let cipher = rng.pick(&person.ciphers).copied().unwrap_or(0x1301);
        let extensions = [extension(43, &[3, 4]), key_share(&[], rng)].concat();
        [&cipher.to_be_bytes(), &[0][..], &counted_16(&extensions)].concat()
    });
    let mut answer = record(HANDSHAKE, VERSION, &hello);
    answer.extend(CHANGE_CIPHER);
    let length = rng.between(600, 1_600) as usize;
    answer.extend(secret(length, rng));
    session.send(Peer::Server, &answer, 2_000_000);
    let finished = [&CHANGE_CIPHER[..], &secret(69, rng)].concat();
    session.send(Peer::Client, &finished, 1_000_000);
    for _ in 0..rng.between(1, 3) {
        let length = rng.between(90, 400) as usize;
        let request = secret(length, rng);
        session.send(Peer::Client, &request, rng.exponential(4e8) as u64);
        let length = (150.0 + rng.exponential(900.0)) as usize;
        let answer = secret(length.min(LONGEST_RECORD), rng);
        session.send(Peer::Server, &answer, rng.between(1_000_000, 30_000_000));
    }
    if rng.chance(0.3) {
        for _ in 0..rng.between(1, 3) {
            session.keep_alive(Peer::Client, 15 * SECOND);
        }
    }
    session.send(Peer::Client, &secret(19, rng), 1_000_000);
    session.close(Peer::Client);
}

/// A key share of group 29, which a client puts into a list.
fn key_share(list: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut share = [list, &[0, 29, 0, 32]].concat();
    rng.append(32, &mut share);
    extension(51, &share)
}
