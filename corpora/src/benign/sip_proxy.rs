//! Scenario `sip-proxy`: a relay by nature.
//!
//! Telephones outside register with the proxy of the site and call other domains through
//! it; calls from other domains go through it to them. All use SIP over UDP from port 5060
//! to port 5060. What a telephone says of itself is in every message, and the proxy sends
//! it on.

use super::host_pool::HostPool;
use super::setup::start_arrivals;
use crate::error::CorpusError;
use crate::link::{Endpoint, Link};
use crate::profile::{Expectation, Profile, Verdict};
use crate::rng::Rng;
use crate::scenario::Entry;
use crate::simulation::Arrivals;
use crate::text::{token, word};
use crate::time::{MILLISECOND, SECOND};
use crate::traffic::Parameters;

const PORT: u16 = 5_060;
/// With the proxy, fewer than thirty hosts in all.
const PHONES: usize = 16;
const DOMAINS: usize = 8;

const TOO_FEW: Verdict = Verdict::Open(
    "25 hosts take part, so an exact count stays silent; an estimate may read thirty",
);

pub(super) const ENTRY: Entry = Entry {
    profile: Profile::benign(
        "sip-proxy",
        "a proxy passes calls on between 16 telephones and 8 other domains",
        "propagation alone: a proxy is a relay by nature",
        &[
            Expectation::by_default(
                TOO_FEW,
                Verdict::Open("the proxy passes on what telephones say, at its own port"),
            ),
            Expectation::under(
                "relay_exempt = [\"10.20.16.5:5060\"]",
                TOO_FEW,
                Verdict::Silent("the one relay is exempt"),
            ),
        ],
    ),
    open: |request| start_arrivals(request, Telephony::new),
};

struct Phone {
    end: Endpoint,
    user: String,
    make: usize,
}

struct Telephony {
    proxy: Endpoint,
    phones: Vec<Phone>,
    domains: Vec<(Endpoint, String)>,
    /// What telephones of one make say of themselves.
    makes: Vec<Make>,
}

struct Make {
    headers: String,
    media: String,
}

/// A message and who is to get it.
struct Message {
    first_line: String,
    from: String,
    to: String,
    call: String,
    sequence: String,
    rest: String,
}

impl Telephony {
    fn new(pool: &mut HostPool) -> Result<Self, CorpusError> {
        let proxy = pool.inside_server(5)?.at(PORT);
        let (phones, domains) = (pool.outside(PHONES)?, pool.outside(DOMAINS)?);
        let rng = &mut pool.rng;
        let makes: Vec<Make> = (0..3).map(|_| Make::new(rng)).collect();
        let phones = phones.into_iter().enumerate().map(|(index, end)| Phone {
            end: end.at(PORT),
            user: format!("{}{index}", word(rng)),
            make: index % makes.len(),
        });
        let phones = phones.collect();
        let domains = domains
            .into_iter()
            .map(|end| (end.at(PORT), format!("{}.example", word(rng))))
            .collect();
        Ok(Self { proxy, phones, domains, makes })
    }

    fn register(&self, time_ns: u64, link: &mut Link, rng: &mut Rng) {
        let phone = &self.phones[rng.index(self.phones.len())];
        let address = format!("sip:{}@site.example", phone.user);
        let make = &self.makes[phone.make];
        let message = Message {
            first_line: "REGISTER sip:site.example SIP/2.0".to_owned(),
            from: address.clone(),
            to: address,
            call: token(20, rng),
            sequence: format!("{} REGISTER", rng.below(1_000)),
            rest: format!("{}\r\n", make.headers),
        };
        let vias = [via(&phone.end, rng)];
        let text = message.write(&vias);
        link.udp(time_ns, (&phone.end, &self.proxy), text.as_bytes());
        let answer = Message { first_line: "SIP/2.0 200 OK".to_owned(), ..message };
        let answer = Message { rest: "\r\n".to_owned(), ..answer };
        let text = answer.write(&vias);
        let later = time_ns + rng.between(1, 9) * MILLISECOND;
        link.udp(later, (&self.proxy, &phone.end), text.as_bytes());
    }

    /// A call between a telephone and another domain, through the proxy.
    fn call(&self, time_ns: u64, link: &mut Link, rng: &mut Rng) {
        let phone = &self.phones[rng.index(self.phones.len())];
        let (domain, domain_name) = rng.one_of(&self.domains);
        let outgoing = rng.chance(0.7);
        let (caller, callee) =
            if outgoing { (phone.end, *domain) } else { (*domain, phone.end) };
        let own = format!("sip:{}@site.example", phone.user);
        let other = format!("sip:{}@{domain_name}", word(rng));
        let (from, to) = if outgoing { (own, other) } else { (other, own) };
        // Telephones elsewhere are of makes that are not known here.
        let make = if outgoing { &self.makes[phone.make] } else { &Make::new(rng) };
        let call = token(20, rng);
        let vias = [via(&caller, rng), via(&self.proxy, rng)];
        let mut time_ns = time_ns;
        let steps = [("INVITE", true), ("200 OK", false), ("ACK", true), ("BYE", true)];
        for (number, (verb, forward)) in steps.into_iter().enumerate() {
            let media = if number < 2 { make.media(rng) } else { String::new() };
            let first_line = if forward {
                format!("{verb} {to} SIP/2.0")
            } else {
                "SIP/2.0 200 OK".into()
            };
            let message = Message {
                first_line,
                from: from.clone(),
                to: to.clone(),
                call: call.clone(),
                sequence: format!("{} {verb}", number + 1),
                rest: format!(
                    "{}Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{media}",
                    make.headers,
                    media.len()
                ),
            };
            let hops = if forward {
                [(caller, self.proxy), (self.proxy, callee)]
            } else {
                [(callee, self.proxy), (self.proxy, caller)]
            };
            for (hop, (from, to)) in hops.into_iter().enumerate() {
                let through = if forward { hop + 1 } else { 2 - hop };
                let text = message.write(&vias[..through]);
                link.udp(time_ns, (&from, &to), text.as_bytes());
                time_ns += rng.between(MILLISECOND, 8 * MILLISECOND);
            }
            let pause = if verb == "ACK" { 20 * SECOND } else { 400 * MILLISECOND };
            time_ns += rng.between(pause / 4, pause);
        }
    }
}

/// What a host writes of itself into a request that comes through it.
fn via(end: &Endpoint, rng: &mut Rng) -> String {
    format!("{}:{PORT};branch=z9hG4bK{}", end.address, token(9, rng))
}

impl Make {
    fn new(rng: &mut Rng) -> Self {
        let mut methods =
            ["INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "INFO", "REFER", "NOTIFY"];
        rng.shuffle(&mut methods);
        let mut lines = [
            format!("User-Agent: {} {}.{}", word(rng), rng.below(9), rng.below(99)),
            format!("Allow: {}", methods.join(", ")),
            format!("Supported: {}, replaces, timer, {}", word(rng), word(rng)),
            format!("Max-Forwards: {}", rng.between(60, 80)),
        ];
        rng.shuffle(&mut lines);
        let mut codecs: Vec<u64> = (0..4).map(|_| rng.between(96, 127)).collect();
        codecs.push(0);
        rng.shuffle(&mut codecs);
        let media = codecs
            .iter()
            .map(|codec| format!("a=rtpmap:{codec} {}/8000\r\n", word(rng)))
            .collect();
        let headers = lines.iter().map(|line| format!("{line}\r\n")).collect();
        Self { headers, media }
    }

    fn media(&self, rng: &mut Rng) -> String {
        let session = rng.next_u64() as u32;
        let port = rng.between(10_000, 30_000);
        format!("v=0\r\no=- {session} 1 IN\r\nm=audio {port}\r\n{}", self.media)
    }
}

impl Message {
    /// The text, with one Via line for each host that the request has come through,
    /// the last one first.
    fn write(&self, through: &[String]) -> String {
        let mut text = format!("{}\r\n", self.first_line);
        for via in through.iter().rev() {
            text.push_str(&format!("Via: SIP/2.0/UDP {via}\r\n"));
        }
        text.push_str(&format!(
            "From: <{}>;tag={}\r\nTo: <{}>\r\nCall-ID: {}\r\nCSeq: {}\r\n{}",
            self.from,
            &self.call[..8],
            self.to,
            self.call,
            self.sequence,
            self.rest
        ));
        text
    }
}

impl Arrivals for Telephony {
    /// Calls and registrations.
    const RATE: f64 = 5.0;

    fn arrive(&mut self, time_ns: u64, link: &mut Link, rng: &mut Rng) {
        if rng.chance(0.4) {
            self.register(time_ns, link, rng);
        } else {
            self.call(time_ns, link, rng);
        }
    }

    fn parameters(&self) -> Parameters {
        vec![("telephones", PHONES.into()), ("domains", DOMAINS.into())]
    }
}
