//! DNS: look-ups of the site's people at resolvers outside (RFC 1035).

use std::net::IpAddr;

use super::site::{Site, host_name};
use crate::link::{Endpoint, Link};
use crate::rng::Rng;

pub(super) fn look_up(site: &Site, time_ns: u64, link: &mut Link, rng: &mut Rng) {
    let Some(person) = rng.pick(&site.people) else { return };
    let Some(resolver) = rng.pick(&site.resolvers) else { return };
    let (client, resolver) = (person.end.client(rng), resolver.at(53));
    let identifier = rng.next_u64() as u16;
    // Mostly servers that exist, so that popular names repeat.
    let server = rng.pick(&site.web_servers).filter(|_| rng.chance(0.7));
    let (name, address) = match server {
        Some(server) => (server.name.clone(), Some(server.end.address)),
        None => (host_name(rng), None),
    };
    resolve(time_ns, (&client, &resolver), identifier, (&name, address), link, rng);
}

/// One question for the addresses of a name, and its answer: one to three addresses from
/// this one on, or that there is no such name.
pub(crate) fn resolve(
    time_ns: u64,
    (client, resolver): (&Endpoint, &Endpoint),
    identifier: u16,
    (name, address): (&str, Option<IpAddr>),
    link: &mut Link,
    rng: &mut Rng,
) {
    // Recursion desired, one question.
    let query = message(identifier, 0x0100, 0, name);
    link.udp(time_ns, (client, resolver), &query);

    let answer = match address {
        Some(IpAddr::V4(address)) => {
            let count = rng.between(1, 3) as u16;
            let mut answer = message(identifier, 0x8180, count, name);
            for index in 0..count {
                // A pointer to the question's name; type A, class IN.
                answer.extend([0xc0, 12, 0, 1, 0, 1]);
                answer.extend((rng.between(30, 86_400) as u32).to_be_bytes());
                let address = u32::from(address).wrapping_add(index.into());
                answer.extend([0, 4]);
                answer.extend(address.to_be_bytes());
            }
            answer
        }
        // No such name.
        _ => message(identifier, 0x8183, 0, name),
    };
    let answered = time_ns + rng.between(4_000_000, 80_000_000);
    link.udp(answered, (resolver, client), &answer);
}

/// A header and the question for the addresses of a name.
pub(crate) fn message(identifier: u16, flags: u16, answers: u16, name: &str) -> Vec<u8> {
    let header = [identifier, flags, 1, answers, 0, 0];
    let mut message: Vec<u8> = header.iter().flat_map(|one| one.to_be_bytes()).collect();
    for label in name.split('.') {
        message.push(label.len() as u8);
        message.extend_from_slice(label.as_bytes());
    }
    message.extend([0, 0, 1, 0, 1]);
    message
}
