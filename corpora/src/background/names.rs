//! DNS: look-ups of the site's people at resolvers outside.

use std::net::IpAddr;
use std::sync::Arc;

use super::site::{Site, client, host_name, service};
use super::{Conversation, Lane};
use crate::frame_builder::Transport;
use crate::rng::Rng;
use crate::traffic::Mark;

pub(super) struct Names {
    site: Arc<Site>,
}

impl Names {
    pub(super) fn new(site: Arc<Site>) -> Self {
        Self { site }
    }
}

impl Conversation for Names {
    fn start(&mut self, time_ns: u64, lane: &mut Lane) {
        let Lane { rng, queue, emitter, text } = lane;
        let Some(person) = rng.pick(&self.site.people) else { return };
        let Some(resolver) = rng.pick(&self.site.resolvers) else { return };
        let (asker, resolver) = (client(&person.end, rng), service(resolver, 53));
        let udp = |source_port, destination_port| Transport::Udp {
            source_port,
            destination_port,
        };
        let identifier = rng.next_u64() as u16;
        // Mostly servers that exist, so that popular names repeat.
        let server = rng.pick(&self.site.web_servers).filter(|_| rng.chance(0.7));
        let (name, address) = match server {
            Some(server) => (server.name.clone(), Some(server.end.address)),
            None => (host_name(rng), None),
        };
        text.clear();
        // Recursion desired, one question.
        write_header(identifier, 0x0100, 0, text);
        write_question(&name, text);
        let transport = udp(asker.port, 53);
        emitter.emit(
            queue,
            time_ns,
            Mark::Ordinary,
            (&asker, &resolver),
            transport,
            text,
        );

        text.clear();
        match address {
            Some(IpAddr::V4(address)) => {
                let answers = rng.between(1, 3) as u16;
                write_header(identifier, 0x8180, answers, text);
                write_question(&name, text);
                for index in 0..answers {
                    // A pointer to the question's name; type A, class IN.
                    text.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1]);
                    text.extend_from_slice(&lifetime(rng).to_be_bytes());
                    let address = u32::from(address).wrapping_add(index.into());
                    text.extend_from_slice(&[0, 4]);
                    text.extend_from_slice(&address.to_be_bytes());
                }
            }
            // No such name.
            _ => {
                write_header(identifier, 0x8183, 0, text);
                write_question(&name, text);
            }
        }
        let time_ns = time_ns + rng.between(4_000_000, 80_000_000);
        let transport = udp(53, asker.port);
        emitter.emit(
            queue,
            time_ns,
            Mark::Ordinary,
            (&resolver, &asker),
            transport,
            text,
        );
    }
}

fn lifetime(rng: &mut Rng) -> u32 {
    rng.between(30, 86_400) as u32
}

fn write_header(identifier: u16, flags: u16, answers: u16, out: &mut Vec<u8>) {
    for field in [identifier, flags, 1, answers, 0, 0] {
        out.extend_from_slice(&field.to_be_bytes());
    }
}

/// A question for the addresses of a name.
fn write_question(name: &str, out: &mut Vec<u8>) {
    for label in name.split('.') {
        out.push(label.len() as u8);
        out.extend_from_slice(label.as_bytes());
    }
    out.extend_from_slice(&[0, 0, 1, 0, 1]);
}
