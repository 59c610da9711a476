//! Guesses of passwords at decoys, over SSH and telnet: many attempts, each with another
//! name and password.

use super::Farm;
use crate::benign::host_pool::HostPool;
use crate::error::CorpusError;
use crate::link::{Endpoint, Link};
use crate::rng::Rng;
use crate::simulation::Arrivals;
use crate::tcp_session::{Peer, TcpSession};
use crate::text::{letters, token, word};
use crate::time::MILLISECOND;
use crate::traffic::Parameters;

const GUESSERS: usize = 12;
const SSH: u16 = 22;
const TELNET: u16 = 23;
/// How long either side thinks.
const PAUSE_NS: (u64, u64) = (5 * MILLISECOND, 300 * MILLISECOND);

pub(super) struct Guesses {
    farm: Farm,
    guessers: Vec<Endpoint>,
}

impl Guesses {
    pub(super) fn new(farm: &Farm, pool: &mut HostPool) -> Result<Self, CorpusError> {
        Ok(Self { farm: farm.clone(), guessers: pool.outside(GUESSERS)? })
    }
}

impl Arrivals for Guesses {
    const RATE: f64 = 0.5;

    fn arrive(&mut self, time_ns: u64, link: &mut Link, rng: &mut Rng) {
        let guesser = rng.one_of(&self.guessers).client(rng);
        let decoy = *rng.one_of(&self.farm.decoys);
        let attempts = rng.between(2, 6);
        if rng.chance(0.6) {
            let ends = (guesser, decoy.at(SSH));
            ssh(TcpSession::new(link, ends, time_ns, rng), attempts, rng);
        } else {
            let ends = (guesser, decoy.at(TELNET));
            telnet(TcpSession::new(link, ends, time_ns, rng), attempts, rng);
        }
    }

    fn parameters(&self) -> Parameters {
        vec![("guessers", GUESSERS.into()), ("guesses_a_second", Self::RATE.into())]
    }
}

/// Versions, keys, then encrypted attempts: nothing of it can be read but the versions.
fn ssh(mut session: TcpSession<'_>, attempts: u64, rng: &mut Rng) {
    session.open();
    let versions = [
        (
            Peer::Server,
            format!("SSH-2.0-OpenSSH_{}.{}\r\n", 7 + rng.below(3), rng.below(9)),
        ),
        (Peer::Client, format!("SSH-2.0-{}\r\n", letters(rng))),
    ];
    session.exchange(versions, PAUSE_NS, rng);
    for peer in [Peer::Client, Peer::Server] {
        send(&mut session, peer, (250, 700), rng);
    }
    for _ in 0..attempts {
        send(&mut session, Peer::Client, (68, 148), rng);
        send(&mut session, Peer::Server, (52, 84), rng);
    }
    session.close(Peer::Client);
}

/// So many random bytes after a pause.
fn send(
    session: &mut TcpSession<'_>,
    peer: Peer,
    (least, most): (u64, u64),
    rng: &mut Rng,
) {
    let length = rng.between(least, most) as usize;
    let pause_ns = rng.between(PAUSE_NS.0, PAUSE_NS.1);
    session.send(peer, &rng.bytes(length), pause_ns);
}

/// Options of the terminal, then names and passwords in the clear.
fn telnet(mut session: TcpSession<'_>, attempts: u64, rng: &mut Rng) {
    session.open();
    // Will echo, will suppress go-ahead, do terminal type (RFC 854).
    session.send(Peer::Server, &[255, 251, 1, 255, 251, 3, 255, 253, 24], MILLISECOND);
    session.send(Peer::Client, &[255, 253, 1, 255, 252, 24], 20 * MILLISECOND);
    for _ in 0..attempts {
        let (name, length) = (word(rng), rng.between(4, 12) as usize);
        let lines = [
            (Peer::Server, "\r\nlogin: ".to_owned()),
            (Peer::Client, format!("{name}\r\n")),
            (Peer::Server, format!("{name}\r\nPassword: ")),
            (Peer::Client, format!("{}\r\n", token(length, rng))),
            (Peer::Server, "\r\nLogin incorrect\r\n".to_owned()),
        ];
        session.exchange(lines, PAUSE_NS, rng);
    }
    session.close(Peer::Server);
}
