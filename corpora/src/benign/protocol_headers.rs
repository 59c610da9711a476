//! Scenario `protocol-headers`: many hosts run the same programs.
//!
//! What a program sends first is the same on every host: lines of HTTP, the lists of a TLS
//! hello, the negotiation of a file service, the key-exchange lists of SSH. Some hosts both
//! serve and connect on, so that these are also relayed, at the very port at which they
//! came.

use super::host_pool::HostPool;
use super::setup::start_arrivals;
use super::tls_program::Program;
use crate::error::CorpusError;
use crate::link::{Endpoint, Link};
use crate::profile::{Expectation, Profile, Verdict};
use crate::rng::Rng;
use crate::scenario::Entry;
use crate::simulation::Arrivals;
use crate::tcp_session::{Peer, TcpSession};
use crate::text::{prose, token, word};
use crate::time::MILLISECOND;
use crate::tls::secret;
use crate::traffic::Parameters;

const HOSTS_INSIDE: usize = 70;
const HOSTS_OUTSIDE: usize = 70;

pub(super) const ENTRY: Entry = Entry {
    profile: Profile::benign(
        "protocol-headers",
        "140 hosts with the same few programs begin HTTP, TLS, SSH and file service \
             conversations with each other",
        "both alarms without a baseline: every program's first words recur",
        &[Expectation::by_default(
            Verdict::Open("what every program says first goes from many to many"),
            Verdict::Open("hosts that serve and connect on pass it on at one port"),
        )],
    )
    // Two for each of four services.
    .with_incidents(8),
    open: |request| start_arrivals(request, Headers::new),
};

struct Headers {
    inside: Vec<Endpoint>,
    outside: Vec<Endpoint>,
    browsers: Vec<String>,
    tls: Vec<Program>,
    shells: Vec<Shell>,
    negotiations: Vec<Vec<u8>>,
}

/// An SSH program: its version, and the lists it offers.
struct Shell {
    version: String,
    lists: Vec<u8>,
}

impl Headers {
    fn new(pool: &mut HostPool) -> Result<Self, CorpusError> {
        let (inside, outside) =
            (pool.inside(HOSTS_INSIDE)?, pool.outside(HOSTS_OUTSIDE)?);
        let rng = &mut pool.rng;
        Ok(Self {
            inside,
            outside,
            browsers: (0..3).map(|_| browser(rng)).collect(),
            tls: (0..2).map(|_| Program::new(rng)).collect(),
            shells: (0..2).map(|_| Shell::new(rng)).collect(),
            negotiations: (0..2).map(|_| negotiation(rng)).collect(),
        })
    }
}

impl Shell {
    fn new(rng: &mut Rng) -> Self {
        let version =
            format!("SSH-2.0-{}_{}.{}\r\n", word(rng), rng.below(10), rng.below(10));
        let mut lists = Vec::new();
        // Key exchange, host keys, then ciphers, sums and compression both ways.
        for entries in [9, 7, 6, 6, 8, 8, 2, 2] {
            let names: Vec<String> = (0..entries)
                .map(|_| format!("{}-{}{}", word(rng), word(rng), 128 << rng.below(3)))
                .collect();
            let names = names.join(",");
            lists.extend_from_slice(&(names.len() as u32).to_be_bytes());
            lists.extend_from_slice(names.as_bytes());
        }
        lists.extend_from_slice(&[0; 13]);
        Self { version, lists }
    }

    /// The lists in a message, behind sixteen random bytes.
    fn offer(&self, rng: &mut Rng) -> Vec<u8> {
        let length = (self.lists.len() + 22) as u32;
        let mut message = [&length.to_be_bytes()[..], &[4, 20]].concat();
        rng.append(16, &mut message);
        message.extend_from_slice(&self.lists);
        rng.append(4, &mut message);
        message
    }
}

fn browser(rng: &mut Rng) -> String {
    format!(
        "User-Agent: Mozilla/5.0 (compatible) {}/{}.0\r\nAccept: text/html,image/webp,\
         */*;q=0.8\r\nAccept-Language: en;q=0.{}\r\nAccept-Encoding: gzip, deflate\r\n\
         Connection: keep-alive\r\n",
        word(rng),
        rng.between(60, 130),
        rng.between(3, 9)
    )
}

/// What a program of a file service asks first: its dialects and abilities.
fn negotiation(rng: &mut Rng) -> Vec<u8> {
    let mut body = b"\xfeFILE\x40\0\0\0\0\0\0\0\0\0\x1f\0".to_vec();
    for _ in 0..12 {
        body.extend_from_slice(
            format!("\x02{} {}.{}\0", word(rng), rng.below(4), rng.below(9)).as_bytes(),
        );
    }
    body
}

impl Headers {
    fn http(&self, session: &mut TcpSession<'_>, rng: &mut Rng) {
        let browser = rng.one_of(&self.browsers);
        let path = format!("/{}/{}", word(rng), token(10, rng));
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}.example\r\n{browser}\r\n",
            word(rng)
        );
        let length = rng.between(200, 1_500) as usize;
        let answer = format!("HTTP/1.1 200 OK\r\n\r\n{}", prose(length, rng));
        session.send(Peer::Client, request.as_bytes(), 100_000);
        session.send(Peer::Server, answer.as_bytes(), pause(rng));
    }

    fn tls(&self, session: &mut TcpSession<'_>, rng: &mut Rng) {
        let program = rng.one_of(&self.tls);
        let name = format!("www.{}.example", word(rng));
        session.send(Peer::Client, &program.client_hello(&name, rng), 100_000);
        let answer = [program.server_hello(rng), secret(900, rng)].concat();
        session.send(Peer::Server, &answer, pause(rng));
        session.send(Peer::Client, &secret(160, rng), pause(rng));
    }

    fn shell(&self, session: &mut TcpSession<'_>, rng: &mut Rng) {
        let programs = [rng.one_of(&self.shells), rng.one_of(&self.shells)];
        for (peer, program) in [Peer::Server, Peer::Client].into_iter().zip(programs) {
            session.send(peer, program.version.as_bytes(), pause(rng));
        }
        for (peer, program) in [Peer::Client, Peer::Server].into_iter().zip(programs) {
            session.send(peer, &program.offer(rng), pause(rng));
        }
        for peer in [Peer::Client, Peer::Server] {
            let length = rng.between(100, 400) as usize;
            session.send(peer, &rng.bytes(length), pause(rng));
        }
    }

    fn files(&self, session: &mut TcpSession<'_>, rng: &mut Rng) {
        let mut request = rng.one_of(&self.negotiations).clone();
        rng.append(16, &mut request);
        session.send(Peer::Client, &request, 100_000);
        session.send(Peer::Server, &rng.bytes(180), pause(rng));
    }
}

fn pause(rng: &mut Rng) -> u64 {
    rng.between(MILLISECOND, 20 * MILLISECOND)
}

impl Arrivals for Headers {
    const RATE: f64 = 6.0;

    fn arrive(&mut self, time_ns: u64, link: &mut Link, rng: &mut Rng) {
        let (mut from, mut to) = (rng.one_of(&self.inside), rng.one_of(&self.outside));
        if rng.chance(0.4) {
            (from, to) = (to, from);
        }
        let kind = rng.index(4);
        let port = [80, 443, 22, 445][kind];
        let ends = (from.client(rng), to.at(port));
        let mut session = TcpSession::new(link, ends, time_ns, rng);
        session.open();
        match kind {
            0 => self.http(&mut session, rng),
            1 => self.tls(&mut session, rng),
            2 => self.shell(&mut session, rng),
            _ => self.files(&mut session, rng),
        }
        session.close(Peer::Client);
    }

    fn parameters(&self) -> Parameters {
        vec![
            ("hosts_inside", HOSTS_INSIDE.into()),
            ("hosts_outside", HOSTS_OUTSIDE.into()),
        ]
    }
}
