//! The commands of a fleet: taps far apart, one merger.

pub(super) mod merge;
pub(super) mod tap;

use crate::output::exit_code::Failure;
use crate::output::talk::Talk;
use crate::status::metrics::Text;
use crate::status::{self, Board, Shown};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};
use wormsift_cluster::TapName;
use wormsift_cluster::jetstream::{Link, Server};

/// How long a signal may go unseen.
const PATIENCE: Duration = Duration::from_millis(50);
/// How long the broker may take before it is said that it cannot be reached.
const CONNECT: Duration = Duration::from_secs(5);

/// Attempts in vain, over a link that is there, until it is said: five seconds of them.
const ATTEMPTS: u64 = 20;

/// A link that says when it is broken, and when it is there again, or of no use.
struct SpokenLink {
    link: Link,
    is_broken: bool,
    /// Attempts that had ended when the link was last broken, or something was said of them.
    attempts: u64,
    /// What was last said of them.
    why: String,
    looked: Option<Instant>,
}

impl SpokenLink {
    /// Settings that cannot work are wrong usage; a broker that is not there may come.
    fn open(server: Server, name: &TapName, talk: &Talk) -> Result<Self, Failure> {
        let link = Link::open(server, name).map_err(Failure::usage)?;
        let _ = link.wait(CONNECT);
        let why = String::new();
        let mut new = Self { link, is_broken: false, attempts: 0, why, looked: None };
        new.say(|| (0, String::new()), talk);
        Ok(new)
    }

    /// Looks at most every [`PATIENCE`]. `attempts` says how many have ended by now, and why
    /// the last one.
    fn say(&mut self, attempts: impl FnOnce() -> (u64, String), talk: &Talk) {
        if self.looked.is_some_and(|at| at.elapsed() < PATIENCE) {
            return;
        }
        self.looked = Some(Instant::now());
        let (ended, why) = attempts();
        let status = self.link.status();
        if status.is_some() {
            self.attempts = ended;
        } else if ended >= self.attempts.saturating_add(ATTEMPTS) {
            self.attempts = ended;
            if self.why != why {
                talk.warning(format_args!(
                    "the broker is there, but nothing gets through: {why}; look at its JetStream \
                     and its permissions. It is tried again"
                ));
                self.why = why;
            }
        }
        match status {
            Some(why) if !self.is_broken => {
                talk.warning(format_args!("{why}; it is tried again"));
                self.is_broken = true;
            }
            None if self.is_broken => {
                talk.warning("connected again");
                self.is_broken = false;
            }
            _ => {}
        }
    }
}

/// A status page, where one is asked for.
struct Page<S>(Option<Arc<Board<S>>>);

impl<S: Shown> Page<S> {
    /// Takes the address: before rights are given away that it may need.
    fn listen(address: Option<SocketAddr>) -> Result<Option<TcpListener>, Failure> {
        let hint = "give another --status ADDR:PORT";
        address.map(|address| status::listen(address, hint)).transpose()
    }

    /// Answers from now on.
    fn serve(listener: Option<TcpListener>, talk: &Talk) -> Result<Self, Failure> {
        let Some(listener) = listener else { return Ok(Self(None)) };
        let failed = |error| Failure::of("status page", error);
        let address = listener.local_addr().map_err(failed)?;
        let board = Arc::new(Board::new());
        status::serve(listener, Arc::clone(&board)).map_err(failed)?;
        talk.result(format_args!("status page http://{address}/"));
        Ok(Self(Some(board)))
    }

    /// A round of the loop; whether somebody waits for what it shows.
    fn round(&self) -> bool {
        self.0.as_ref().is_some_and(|board| board.round())
    }

    fn post(&self, shown: S) {
        if let Some(board) = &self.0 {
            board.post(shown);
        }
    }
}

/// Metrics of the link to the broker, and how often it broke.
fn link_metrics(text: &mut Text, is_up: bool, interrupted: u64) {
    let help = "1 while there is a connection to the broker";
    text.family("wormsift_fleet_link_up", "gauge", help);
    text.value(&[], u8::from(is_up));
    let help = "Connections and attempts that ended";
    text.family("wormsift_fleet_link_interruptions_total", "counter", help);
    text.value(&[], interrupted);
}
