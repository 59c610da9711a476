//! Background traffic: ordinary conversations between a site and the rest of the network.
//!
//! Web, TLS, DNS, mail, and what machines send when idle. Each kind is a Poisson process
//! with its own random stream, so that a new kind leaves the others as they are.
//!
//! Headers repeat as they do between real programs: a browser sends the same lines to
//! every server. But people use different programs in different versions, and the default
//! site has twenty hosts, so that no content of its own reaches thirty sources and thirty
//! destinations at one port, and none is relayed: see `tests/background.rs`. Larger sites
//! come nearer to it, as real ones do.

mod dns;
mod idle;
mod mail;
mod site;
mod tls;
mod web;

use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::address_space::Prefix;
use crate::error::CorpusError;
use crate::link::Link;
use crate::rng::Rng;
use crate::simulation::{Arrivals, Poisson, Simulation};
use crate::traffic::Traffic;

use site::Site;

pub(crate) use dns::{message as dns_message, resolve};
pub(crate) use idle::ask_the_time;

/// What the background is drawn from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BackgroundSettings {
    /// The seed of all its random streams.
    pub(crate) seed: u64,
    /// When it starts, in nanoseconds since the epoch.
    pub(crate) start_ns: u64,
    /// The site's addresses.
    pub(crate) inside: Prefix,
    /// How many inside hosts talk to the outside; 0 for no background at all.
    pub(crate) hosts: u32,
    /// Mean conversations a second that each of them starts.
    pub(crate) rate: f64,
    /// Addresses to take for up to half of these hosts.
    pub(crate) prefer: Vec<Ipv4Addr>,
}

/// Sends the frames of one conversation that starts at a time.
type Conversation = fn(&Site, u64, &mut Link, &mut Rng);

/// Each kind, by the name of its random stream, with its share of all conversations.
const KINDS: [(&str, f64, Conversation); 5] = [
    ("web", 0.30, web::visit),
    ("tls", 0.10, tls::session),
    ("names", 0.30, dns::look_up),
    ("mail", 0.05, mail::deliver),
    ("idle", 0.25, idle::exchange),
];

/// How many hosts of a site can have background traffic: half of its addresses, of which
/// the first eight are for servers.
pub(crate) fn most_hosts(inside: Prefix) -> u64 {
    (inside.size() / 2).min(inside.size().saturating_sub(8))
}

/// Every kind of background traffic.
///
/// # Errors
/// A rate that is no number above 0; more hosts than the site has addresses for.
pub(crate) fn open(
    settings: &BackgroundSettings,
) -> Result<Vec<Box<dyn Traffic>>, CorpusError> {
    if settings.hosts == 0 {
        return Ok(Vec::new());
    }
    let most = most_hosts(settings.inside);
    if u64::from(settings.hosts) > most {
        let expected = format!("at most {most} hosts in {}", settings.inside);
        return Err(CorpusError::setting("background_hosts", expected));
    }
    let rate = CorpusError::positive("background_rate", settings.rate)?;
    let site = Arc::new(Site::new(settings));
    let whole = f64::from(settings.hosts) * rate;
    let start = |(name, share, conversation): (&str, f64, Conversation)| {
        let mut rng = Rng::new(settings.seed, &format!("background {name}"));
        let kind = Kind { site: Arc::clone(&site), rate: share * whole, conversation };
        let first = rng.exponential(1e9 / kind.rate) as u64;
        let first = settings.start_ns.saturating_add(first);
        let simulation = Simulation::new(Poisson(kind), first, rng, Link::default());
        Box::new(simulation) as Box<dyn Traffic>
    };
    Ok(KINDS.into_iter().map(start).collect())
}

/// One kind of conversation.
struct Kind {
    site: Arc<Site>,
    rate: f64,
    conversation: Conversation,
}

impl Arrivals for Kind {
    fn rate(&self, _: u64) -> f64 {
        self.rate
    }

    fn arrive(&mut self, time_ns: u64, link: &mut Link, rng: &mut Rng) {
        (self.conversation)(&self.site, time_ns, link, rng);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traffic::Mark;

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
        let inside = Prefix::new(Ipv4Addr::new(10, 20, 16, 0), 29);
        assert!(refused(BackgroundSettings { inside, hosts: 1, ..settings() }));
        let none = BackgroundSettings { hosts: 0, rate: 0.0, ..settings() };
        assert!(open(&none).unwrap().is_empty());
    }
}
