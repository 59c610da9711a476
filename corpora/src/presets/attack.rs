//! Attack of a preset: what one infected host sends to an address.

use super::{AttackKind, Preset};
use crate::body::Body;
use crate::delivery::{Attempt, BodySender};
use crate::ground_truth::Protocol;
use crate::link::{Link, client_port};
use crate::rng::{Rng, mix};
use crate::scenario::GenerateOptions;
use crate::tcp_session::{Peer, TcpSession};
use crate::traffic::{Mark, PlantedContent};
use crate::worms::scanning::Attack;

/// The names and passwords that are tried.
const GUESSES: u64 = 8;
/// Of ten logins, so many go to the first port.
const FIRST_PORT: u64 = 9;

/// The attack of a preset.
pub(super) struct PresetAttack {
    preset: &'static Preset,
    sender: BodySender,
    body: Body,
    salt: u64,
}

impl PresetAttack {
    pub(super) fn new(
        preset: &'static Preset,
        seed: u64,
        options: &GenerateOptions,
    ) -> Self {
        Self {
            preset,
            sender: BodySender::new(options.carriage.clone()),
            body: options.body.clone().unwrap_or_else(|| preset.body(seed)),
            salt: mix(seed),
        }
    }

    /// One copy, with its padding.
    fn copy(&self, rng: &mut Rng) -> Vec<u8> {
        let mut copy = Vec::new();
        self.body.write(rng, &mut copy);
        let (least, most) = (*self.preset.padding.start(), *self.preset.padding.end());
        let padding = if most == 0 { 0 } else { rng.between(least as u64, most as u64) };
        rng.append(padding as usize, &mut copy);
        copy
    }

    /// A name, a password and a command, each asked for.
    fn log_in(&self, attempt: &Attempt, link: &mut Link, rng: &mut Rng) {
        let mut command = Vec::new();
        self.body.write(rng, &mut command);
        command.extend_from_slice(b"\r\n");
        let planted = Mark::Content { content: 0, infects: None };
        let lines = [
            ("login: ", self.guess("name", rng), Mark::Ordinary),
            ("Password: ", self.guess("password", rng), Mark::Ordinary),
            ("> ", command, planted),
        ];
        let ends = (attempt.from, attempt.to);
        let mut session = TcpSession::new(link, ends, attempt.time_ns, rng);
        session.open();
        for (prompt, line, mark) in lines {
            session.send(Peer::Server, prompt.as_bytes(), 300_000);
            session.wait(Peer::Client, 200_000);
            session.segment(Peer::Client, 0, &line, mark);
            session.acknowledge_ahead(Peer::Client, line.len() as u32);
            session.advance(Peer::Client, line.len() as u32);
        }
        session.close(Peer::Client);
    }

    /// One line of seven letters, one of a few.
    fn guess(&self, what: &str, rng: &mut Rng) -> Vec<u8> {
        let mut rng = Rng::new(self.salt ^ rng.below(GUESSES), what);
        let mut line: Vec<u8> = (0..7).map(|_| b'a' + rng.below(26) as u8).collect();
        line.extend_from_slice(b"\r\n");
        line
    }
}

impl Attack for PresetAttack {
    fn send(&mut self, attempt: &Attempt, link: &mut Link, rng: &mut Rng) -> Option<u64> {
        let random = client_port(rng);
        let (source, destination) = match self.preset.attack {
            AttackKind::Udp { source_port, destination_port } => {
                let any = rng.between(1, 65_535) as u16;
                (source_port.unwrap_or(random), destination_port.unwrap_or(any))
            }
            AttackKind::Tcp { port } => (random, port),
            AttackKind::Login { ports } => {
                (random, ports[usize::from(rng.below(10) >= FIRST_PORT)])
            }
        };
        let attempt = attempt.at(source, destination);
        if matches!(self.preset.attack, AttackKind::Login { .. }) {
            self.log_in(&attempt, link, rng);
            return None;
        }
        let copy = self.copy(rng);
        self.sender.send(link, &attempt, &copy, rng)
    }

    fn contents(&self) -> Vec<PlantedContent> {
        let (protocol, port) = match self.preset.attack {
            AttackKind::Udp { destination_port, .. } => (Protocol::Udp, destination_port),
            AttackKind::Tcp { port } => (Protocol::Tcp, Some(port)),
            AttackKind::Login { .. } => (Protocol::Tcp, None),
        };
        vec![PlantedContent::new("body", &self.body, protocol, port)]
    }
}
