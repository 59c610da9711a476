//! Ordinary traffic.
//!
//! Ordinary traffic between a site and the rest of the network: web, TLS, name
//! look-ups, mail, and what machines do when idle. Each kind is a
//! [`Traffic`] of its own with its own random stream, so that a new kind leaves
//! the others as they are. Conversations start at random moments (a Poisson
//! process) and are laid into the queue whole; memory holds only those under way.
//!
//! Headers repeat as they do between real programs: a browser sends the same
//! lines to every server. But people use different programs in different
//! versions, and the default site has twenty hosts, so that no content of its
//! own reaches thirty sources and thirty destinations at one port, and none is
//! passed on: see `tests/background.rs`. Larger sites come nearer to it, as real
//! ones do.

mod idle;
mod mail;
mod names;
mod site;
mod tls;
mod web;

use std::net::Ipv4Addr;

use crate::address_space::Prefix;
use crate::emitter::Emitter;
use crate::error::CorpusError;
use crate::frame_builder::FrameBuilder;
use crate::rng::Rng;
use crate::traffic::{FrameQueue, LAST_START_NS, Mark, Traffic};

use site::Site;

/// What the background is drawn from.
#[derive(Clone, Debug, PartialEq)]
pub struct BackgroundSettings {
    /// The seed of all its random streams.
    pub seed: u64,
    /// When it starts, in nanoseconds since the epoch.
    pub start_ns: u64,
    /// The site's addresses.
    pub inside: Prefix,
    /// How many inside hosts talk to the outside; 0 for no background at all.
    pub hosts: u32,
    /// Mean conversations a second that each of them starts.
    pub rate: f64,
    /// Addresses to take for up to half of these hosts.
    pub prefer: Vec<Ipv4Addr>,
}

/// Every kind of ordinary traffic.
///
/// # Errors
/// A rate that is no number above 0; more hosts than the site has room for.
pub fn open(settings: &BackgroundSettings) -> Result<Vec<Box<dyn Traffic>>, CorpusError> {
    if settings.hosts == 0 {
        return Ok(Vec::new());
    }
    let room = settings.inside.size() / 2;
    if u64::from(settings.hosts) > room {
        let expected = format!("at most {room} hosts in {}", settings.inside);
        return Err(CorpusError::setting("background_hosts", expected));
    }
    if !settings.rate.is_finite() || settings.rate <= 0.0 {
        let expected = format!("a number above 0, found {}", settings.rate);
        return Err(CorpusError::setting("background_rate", expected));
    }
    let site = Site::new(settings);
    let whole = f64::from(settings.hosts) * settings.rate;
    let seed = settings.seed;
    let start = settings.start_ns;
    Ok(vec![
        Arrivals::open("web", seed, start, 0.30 * whole, web::Web::new(site.clone())),
        Arrivals::open("tls", seed, start, 0.10 * whole, tls::Tls::new(site.clone())),
        Arrivals::open(
            "names",
            seed,
            start,
            0.30 * whole,
            names::Names::new(site.clone()),
        ),
        Arrivals::open("mail", seed, start, 0.05 * whole, mail::Mail::new(site.clone())),
        Arrivals::open("idle", seed, start, 0.25 * whole, idle::Idle::new(site)),
    ])
}

/// A kind of conversation.
trait Conversation: Send {
    /// Lays one conversation that starts at `time_ns` into the lane.
    fn start(&mut self, time_ns: u64, lane: &mut Lane);
}

/// What a conversation is made with.
struct Lane {
    rng: Rng,
    queue: FrameQueue,
    emitter: Emitter,
    /// For texts that are put together before they are sent.
    text: Vec<u8>,
}

/// Conversations of one kind, starting at random moments.
struct Arrivals<C> {
    lane: Lane,
    conversation: C,
    mean_gap_ns: f64,
    next_start: u64,
}

impl<C: Conversation + 'static> Arrivals<C> {
    fn open(
        kind: &str,
        seed: u64,
        start_ns: u64,
        rate: f64,
        conversation: C,
    ) -> Box<dyn Traffic> {
        let mut arrivals = Self {
            lane: Lane {
                rng: Rng::new(seed, &format!("background {kind}")),
                queue: FrameQueue::default(),
                emitter: Emitter::new(FrameBuilder::default(), None),
                text: Vec::new(),
            },
            conversation,
            mean_gap_ns: 1e9 / rate,
            next_start: start_ns,
        };
        arrivals.wait();
        Box::new(arrivals)
    }

    fn wait(&mut self) {
        let gap = self.lane.rng.exponential(self.mean_gap_ns);
        self.next_start = self.next_start.saturating_add(gap as u64);
    }
}

impl<C: Conversation + 'static> Traffic for Arrivals<C> {
    fn next_time(&mut self) -> Option<u64> {
        loop {
            let queued = self.lane.queue.next_time();
            let over = self.next_start > LAST_START_NS;
            if over || queued.is_some_and(|queued| queued < self.next_start) {
                return queued;
            }
            self.conversation.start(self.next_start, &mut self.lane);
            self.wait();
        }
    }

    fn next_frame(&mut self, frame: &mut Vec<u8>) -> Option<(u64, Mark)> {
        self.next_time()?;
        self.lane.queue.pop(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> BackgroundSettings {
        BackgroundSettings {
            seed: 1,
            start_ns: 1_000,
            inside: Prefix::new(Ipv4Addr::new(10, 20, 16, 0), 20),
            hosts: 20,
            rate: 1.0,
            prefer: Vec::new(),
        }
    }

    #[test]
    fn every_kind_goes_on_in_order_of_time() {
        for mut traffic in open(&settings()).unwrap() {
            let (mut last, mut frame) = (1_000, Vec::new());
            for _ in 0..2_000 {
                let announced = traffic.next_time();
                let (time_ns, mark) = traffic.next_frame(&mut frame).unwrap();
                assert_eq!((announced, mark), (Some(time_ns), Mark::Ordinary));
                assert!(time_ns >= last);
                assert!(frame.len() >= 60 && frame.len() <= 1_514);
                last = time_ns;
            }
        }
    }

    #[test]
    fn impossible_settings_are_refused() {
        let refused = |settings| open(&settings).is_err();
        assert!(refused(BackgroundSettings { hosts: 2_049, ..settings() }));
        assert!(refused(BackgroundSettings { rate: 0.0, ..settings() }));
        assert!(refused(BackgroundSettings { rate: f64::INFINITY, ..settings() }));
        let none = BackgroundSettings { hosts: 0, rate: 0.0, ..settings() };
        assert!(open(&none).unwrap().is_empty());
    }
}
