//! What machines do unasked: time (NTP), pings, datagrams full of zeros.

use std::sync::Arc;

use super::site::{Site, client, service};
use super::{Conversation, Lane};
use crate::emitter::{Emitter, End};
use crate::frame_builder::Transport;
use crate::rng::Rng;
use crate::traffic::{FrameQueue, Mark};

/// Seconds from 1900, where NTP counts from, to 1970.
const NTP_EPOCH: u64 = 2_208_988_800;

pub(super) struct Idle {
    site: Arc<Site>,
}

impl Idle {
    pub(super) fn new(site: Arc<Site>) -> Self {
        Self { site }
    }
}

impl Conversation for Idle {
    fn start(&mut self, time_ns: u64, lane: &mut Lane) {
        let Lane { rng, queue, emitter, .. } = lane;
        let site = &self.site;
        let Some(person) = rng.pick(&site.people) else { return };
        match rng.below(8) {
            0..=2 => {
                let Some(server) = rng.pick(&site.time_servers) else { return };
                ask_the_time(&person.end, server, time_ns, rng, queue, emitter);
            }
            3..=4 => {
                let Some(server) = rng.pick(&site.web_servers) else { return };
                ping((&person.end, &server.end), time_ns, rng, queue, emitter);
            }
            5 => ping((&site.monitor, &site.gateway), time_ns, rng, queue, emitter),
            _ => {
                let Some(server) = rng.pick(&site.web_servers) else { return };
                let zeros = vec![0; rng.between(1, 600) as usize];
                let ends = (&client(&person.end, rng), &service(&server.end, 9));
                send(ends, &zeros, time_ns, queue, emitter);
            }
        }
    }
}

fn send(
    (from, to): (&End, &End),
    payload: &[u8],
    time_ns: u64,
    queue: &mut FrameQueue,
    emitter: &mut Emitter,
) {
    let transport = Transport::Udp { source_port: from.port, destination_port: to.port };
    emitter.emit(queue, time_ns, Mark::Ordinary, (from, to), transport, payload);
}

fn ask_the_time(
    host: &End,
    server: &End,
    time_ns: u64,
    rng: &mut Rng,
    queue: &mut FrameQueue,
    emitter: &mut Emitter,
) {
    let (host, server) = (client(host, rng), service(server, 123));
    // Version 4, client; the time of sending is random, as RFC 9109 advises.
    let mut request = [0; 48];
    request[0] = 0x23;
    let poll = rng.between(6, 10) as u8;
    request[2] = poll;
    rng.fill(&mut request[40..]);
    send((&host, &server), &request, time_ns, queue, emitter);

    let answered = time_ns + rng.between(5_000_000, 60_000_000);
    let mut answer = [0; 48];
    answer[..4].copy_from_slice(&[0x24, 2, poll, 0xe9]);
    rng.fill(&mut answer[6..8]);
    rng.fill(&mut answer[10..16]);
    let stamp = |time_ns: u64| {
        let seconds = (time_ns / 1_000_000_000 + NTP_EPOCH) as u32;
        let fraction = ((time_ns % 1_000_000_000) << 32) / 1_000_000_000;
        (u64::from(seconds) << 32 | fraction).to_be_bytes()
    };
    answer[16..24]
        .copy_from_slice(&stamp(time_ns.saturating_sub(rng.below(1_000_000_000_000))));
    answer[24..32].copy_from_slice(&request[40..]);
    answer[32..40].copy_from_slice(&stamp(answered - 30_000));
    answer[40..].copy_from_slice(&stamp(answered));
    send((&server, &host), &answer, answered, queue, emitter);
}

/// Up to four echoes and their replies, filled as `ping` fills them: a time,
/// then counting bytes.
fn ping(
    (from, to): (&End, &End),
    time_ns: u64,
    rng: &mut Rng,
    queue: &mut FrameQueue,
    emitter: &mut Emitter,
) {
    let identifier = rng.between(1, 65_535) as u32;
    let mut payload: Vec<u8> = (0..56).collect();
    for sequence in 1..=rng.between(1, 4) as u32 {
        let sent = time_ns + u64::from(sequence - 1) * 1_000_000_000;
        payload[..8].copy_from_slice(&(sent / 1_000_000_000).to_le_bytes());
        payload[8..16].copy_from_slice(&(sent / 1_000 % 1_000_000).to_le_bytes());
        let rest = identifier << 16 | sequence;
        let echo = Transport::Icmp { kind: 8, code: 0, rest };
        emitter.emit(queue, sent, Mark::Ordinary, (from, to), echo, &payload);
        let replied = sent + rng.between(3_000_000, 50_000_000);
        let reply = Transport::Icmp { kind: 0, code: 0, rest };
        emitter.emit(queue, replied, Mark::Ordinary, (to, from), reply, &payload);
    }
}
