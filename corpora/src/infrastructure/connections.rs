//! TCP connections that stay open between exchanges.
//!
//! Services of one site keep their connections: a host asks another over the one that it
//! already has, and opens one only where there is none.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::link::{Endpoint, Link};
use crate::rng::Rng;
use crate::tcp_session::{PausedSession, Peer, TcpSession};

/// Connections to one port, by client and server.
pub(super) struct Connections {
    port: u16,
    open: BTreeMap<(IpAddr, IpAddr), PausedSession>,
}

impl Connections {
    pub(super) fn new(port: u16) -> Self {
        Self { port, open: BTreeMap::new() }
    }

    /// The client sends to the server; returns when the last byte crosses the tap.
    pub(super) fn ask(
        &mut self,
        time_ns: u64,
        (client, server): (&Endpoint, &Endpoint),
        bytes: &[u8],
        (link, rng): (&mut Link, &mut Rng),
    ) -> u64 {
        let key = (client.address, server.address);
        let mut session = match self.open.get(&key) {
            Some(paused) => TcpSession::resume(link, *paused, Peer::Client, time_ns),
            None => {
                let ends = (client.client(rng), server.at(self.port));
                let mut session = TcpSession::new(link, ends, time_ns, rng);
                session.open();
                session
            }
        };
        session.send(Peer::Client, bytes, 0);
        let sent = session.time_ns();
        self.open.insert(key, session.pause());
        sent
    }

    /// The server answers the client, which has asked before; returns when the last byte
    /// crosses the tap.
    pub(super) fn answer(
        &mut self,
        time_ns: u64,
        (client, server): (&Endpoint, &Endpoint),
        bytes: &[u8],
        link: &mut Link,
    ) -> u64 {
        let key = (client.address, server.address);
        let Some(paused) = self.open.get(&key) else { return time_ns };
        let mut session = TcpSession::resume(link, *paused, Peer::Server, time_ns);
        session.send(Peer::Server, bytes, 0);
        let sent = session.time_ns();
        self.open.insert(key, session.pause());
        sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame_builder::tcp;
    use crate::time::MILLISECOND;

    fn host(last: u8) -> Endpoint {
        Endpoint {
            address: [10, 0, 0, last].into(),
            port: 0,
            inside: true,
            hop_limit: 64,
        }
    }

    /// Time, source port, sequence number, flags and payload of each frame.
    fn sent(link: &mut Link) -> Vec<(u64, u16, u32, u8, Vec<u8>)> {
        let (mut frame, mut all) = (Vec::new(), Vec::new());
        while let Some((time_ns, _)) = link.frames.pop(&mut frame) {
            let port = u16::from_be_bytes([frame[34], frame[35]]);
            let sequence =
                u32::from_be_bytes([frame[38], frame[39], frame[40], frame[41]]);
            let length = usize::from(u16::from_be_bytes([frame[16], frame[17]]));
            let start = 34 + usize::from(frame[46] >> 4) * 4;
            let payload = frame[start..14 + length].to_vec();
            all.push((time_ns, port, sequence, frame[47], payload));
        }
        all
    }

    #[test]
    fn a_second_exchange_goes_on_where_the_first_ended() {
        let (mut link, mut rng) = (Link::default(), Rng::new(1, "connections"));
        let mut connections = Connections::new(7);
        let ends = (&host(1), &host(2));
        let mut at = MILLISECOND;
        for bytes in [&b"first"[..], b"second"] {
            let asked = connections.ask(at, ends, bytes, (&mut link, &mut rng));
            assert!(asked >= at);
            let answered =
                connections.answer(asked + MILLISECOND, ends, b"yes", &mut link);
            assert_eq!(answered, asked + MILLISECOND);
            at += 100 * MILLISECOND;
        }
        let sent = sent(&mut link);
        let opened = sent.iter().filter(|frame| frame.3 == tcp::SYN).count();
        assert_eq!(opened, 1);
        let of_client: Vec<_> =
            sent.iter().filter(|frame| frame.1 != 7 && !frame.4.is_empty()).collect();
        let [first, second] = of_client[..] else { panic!("{of_client:?}") };
        assert_eq!(second.2, first.2.wrapping_add(5));
        assert_eq!((second.0, &second.4[..]), (101 * MILLISECOND, &b"second"[..]));
    }

    #[test]
    fn nobody_answers_who_was_not_asked() {
        let mut link = Link::default();
        let at = Connections::new(7).answer(9, (&host(1), &host(2)), b"yes", &mut link);
        assert_eq!((at, sent(&mut link).len()), (9, 0));
    }
}
