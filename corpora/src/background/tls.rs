//! What looks like TLS 1.3: a hello that differs from browser to browser, then
//! records of random bytes; long sessions are kept alive by zero bytes.

use std::sync::Arc;

use super::site::{Person, Site, WebServer, client, service};
use super::{Conversation, Lane};
use crate::rng::Rng;
use crate::tcp_dialogue::{Peer, TcpDialogue};

const HANDSHAKE: u8 = 22;
const APPLICATION: u8 = 23;

pub(super) struct Tls {
    site: Arc<Site>,
}

impl Tls {
    pub(super) fn new(site: Arc<Site>) -> Self {
        Self { site }
    }
}

impl Conversation for Tls {
    fn start(&mut self, time_ns: u64, lane: &mut Lane) {
        let Lane { rng, queue, emitter, text } = lane;
        let Some(person) = rng.pick(&self.site.people) else { return };
        let Some(server) = rng.pick(&self.site.web_servers) else { return };
        let ends = (client(&person.end, rng), service(&server.end, 443));
        let mut talk = TcpDialogue::new(queue, emitter, ends.0, ends.1, time_ns, rng);
        talk.open();
        text.clear();
        write_record(HANDSHAKE, 0x0301, &client_hello(person, server, rng), text);
        talk.say(Peer::Client, text, 200_000);
        text.clear();
        write_record(HANDSHAKE, 0x0303, &server_hello(person, rng), text);
        text.extend_from_slice(&[20, 3, 3, 0, 1, 1]);
        write_secret(rng.between(600, 1_600) as usize, rng, text);
        talk.say(Peer::Server, text, 2_000_000);
        text.clear();
        text.extend_from_slice(&[20, 3, 3, 0, 1, 1]);
        write_secret(69, rng, text);
        talk.say(Peer::Client, text, 1_000_000);
        for _ in 0..rng.between(1, 3) {
            text.clear();
            write_secret(rng.between(90, 400) as usize, rng, text);
            talk.say(Peer::Client, text, rng.exponential(4e8) as u64);
            text.clear();
            write_secret((150.0 + rng.exponential(900.0)) as usize, rng, text);
            talk.say(Peer::Server, text, rng.between(1_000_000, 30_000_000));
        }
        if rng.chance(0.3) {
            for _ in 0..rng.between(1, 3) {
                talk.keep_alive(Peer::Client, 15_000_000_000);
            }
        }
        text.clear();
        write_secret(19, rng, text);
        talk.say(Peer::Client, text, 1_000_000);
        talk.close(Peer::Client);
    }
}

fn write_record(kind: u8, version: u16, body: &[u8], out: &mut Vec<u8>) {
    out.push(kind);
    put_u16(version, out);
    put_counted(body, out);
}

/// Encrypted, so far as anyone can tell.
fn write_secret(length: usize, rng: &mut Rng, out: &mut Vec<u8>) {
    let mut body = Vec::new();
    rng.append(length.min(16_000), &mut body);
    write_record(APPLICATION, 0x0303, &body, out);
}

fn client_hello(person: &Person, server: &WebServer, rng: &mut Rng) -> Vec<u8> {
    let mut body = vec![3, 3];
    rng.append(32, &mut body);
    body.push(32);
    rng.append(32, &mut body);
    let ciphers: Vec<u8> =
        person.ciphers.iter().flat_map(|cipher| cipher.to_be_bytes()).collect();
    put_counted(&ciphers, &mut body);
    body.extend_from_slice(&[1, 0]);

    let mut extensions = Vec::new();
    let mut name = vec![0];
    put_counted(server.name.as_bytes(), &mut name);
    let mut names = Vec::new();
    put_counted(&name, &mut names);
    put_extension(0, &names, &mut extensions);
    put_extension(43, &[2, 3, 4], &mut extensions);
    put_extension(10, &[0, 2, 0, 29], &mut extensions);
    put_extension(13, &[0, 4, 4, 3, 8, 4], &mut extensions);
    let mut share = vec![0, 36, 0, 29, 0, 32];
    rng.append(32, &mut share);
    put_extension(51, &share, &mut extensions);
    put_counted(&extensions, &mut body);
    handshake(1, &body)
}

fn server_hello(person: &Person, rng: &mut Rng) -> Vec<u8> {
    let mut body = vec![3, 3];
    rng.append(32, &mut body);
    body.push(32);
    rng.append(32, &mut body);
    put_u16(rng.pick(&person.ciphers).copied().unwrap_or(0x1301), &mut body);
    body.push(0);
    let mut extensions = Vec::new();
    put_extension(43, &[3, 4], &mut extensions);
    let mut share = vec![0, 29, 0, 32];
    rng.append(32, &mut share);
    put_extension(51, &share, &mut extensions);
    put_counted(&extensions, &mut body);
    handshake(2, &body)
}

fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut message = vec![kind, 0];
    put_counted(body, &mut message);
    message
}

fn put_extension(kind: u16, body: &[u8], out: &mut Vec<u8>) {
    put_u16(kind, out);
    put_counted(body, out);
}

/// Two bytes of length, then the bytes.
fn put_counted(bytes: &[u8], out: &mut Vec<u8>) {
    put_u16(bytes.len() as u16, out);
    out.extend_from_slice(bytes);
}

fn put_u16(value: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(&value.to_be_bytes());
}
