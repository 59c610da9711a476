//! Idle machines: NTP, pings, datagrams full of zeros.

use super::site::Site;
use crate::link::{Endpoint, Icmp, Link};
use crate::rng::Rng;
use crate::time::SECOND;

/// Seconds from 1900, where NTP counts from, to 1970.
const NTP_EPOCH: u64 = 2_208_988_800;

pub(super) fn exchange(site: &Site, time_ns: u64, link: &mut Link, rng: &mut Rng) {
    let Some(person) = rng.pick(&site.people) else { return };
    match rng.below(8) {
        0..=2 => {
            let Some(server) = rng.pick(&site.time_servers) else { return };
            ask_the_time(&person.end, server, time_ns, link, rng);
        }
        3..=4 => {
            let Some(server) = rng.pick(&site.web_servers) else { return };
            ping((&person.end, &server.end), time_ns, link, rng);
        }
        5 => ping((&site.monitor, &site.gateway), time_ns, link, rng),
        _ => {
            let Some(server) = rng.pick(&site.web_servers) else { return };
            let zeros = vec![0; rng.between(1, 600) as usize];
            link.udp(time_ns, (&person.end.client(rng), &server.end.at(9)), &zeros);
        }
    }
}

/// One question for the time, and its answer (RFC 5905).
pub(crate) fn ask_the_time(
    host: &Endpoint,
    server: &Endpoint,
    time_ns: u64,
    link: &mut Link,
    rng: &mut Rng,
) {
    let (host, server) = (host.client(rng), server.at(123));
    // Version 4, client; the time of sending is random, as RFC 9109 advises.
    let mut request = [0; 48];
    request[0] = 0x23;
    let poll = rng.between(6, 10) as u8;
    request[2] = poll;
    rng.fill(&mut request[40..]);
    link.udp(time_ns, (&host, &server), &request);

    let answered = time_ns + rng.between(5_000_000, 60_000_000);
    let mut answer = [0; 48];
    answer[..4].copy_from_slice(&[0x24, 2, poll, 0xe9]);
    rng.fill(&mut answer[6..8]);
    rng.fill(&mut answer[10..16]);
    let stamp = |time_ns: u64| {
        let seconds = (time_ns / SECOND + NTP_EPOCH) as u32;
        let fraction = ((time_ns % SECOND) << 32) / SECOND;
        (u64::from(seconds) << 32 | fraction).to_be_bytes()
    };
    answer[16..24]
        .copy_from_slice(&stamp(time_ns.saturating_sub(rng.below(1_000 * SECOND))));
    answer[24..32].copy_from_slice(&request[40..]);
    answer[32..40].copy_from_slice(&stamp(answered - 30_000));
    answer[40..].copy_from_slice(&stamp(answered));
    link.udp(answered, (&server, &host), &answer);
}

/// Up to four echoes and their replies, filled as `ping` fills them: a time, then counting
/// bytes.
fn ping(ends: (&Endpoint, &Endpoint), time_ns: u64, link: &mut Link, rng: &mut Rng) {
    let identifier = rng.between(1, 65_535) as u16;
    let mut payload: Vec<u8> = (0..56).collect();
    for sequence in 1..=rng.between(1, 4) as u16 {
        let sent = time_ns + u64::from(sequence - 1) * SECOND;
        payload[..8].copy_from_slice(&(sent / SECOND).to_le_bytes());
        payload[8..16].copy_from_slice(&(sent / 1_000 % 1_000_000).to_le_bytes());
        link.icmp(sent, ends, Icmp::EchoRequest { identifier, sequence }, &payload);
        let replied = sent + rng.between(3_000_000, 50_000_000);
        let reply = Icmp::EchoReply { identifier, sequence };
        link.icmp(replied, (ends.1, ends.0), reply, &payload);
    }
}
