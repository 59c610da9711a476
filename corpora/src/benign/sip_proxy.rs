//! A proxy passes calls on: a relay by nature.
//!
//! Telephones outside register with the proxy of the site and call other
//! domains through it; calls from other domains go through it to them. All
//! speak SIP over UDP from port 5060 to port 5060. What a telephone says of
//! itself stands in every message, and the proxy sends it on.

use serde_json::Value;

use super::cast::{Cast, any, at_port};
use super::story::{MILLISECOND, Plan, SECOND, Scene, Story};
use super::text::{token, word};
use crate::emitter::End;
use crate::error::CorpusError;
use crate::frame_stream::FrameStream;
use crate::profile::{Expectation, Kind, Profile, Verdict};
use crate::rng::Rng;
use crate::scenario::{Entry, GenerateOptions};

const PLAN: Plan = Plan::named("sip-proxy");
const PORT: u16 = 5_060;
/// With the proxy, fewer than thirty hosts in all.
const PHONES: usize = 16;
const DOMAINS: usize = 8;
/// Calls and registrations a second.
const RATE: f64 = 5.0;

const TOO_FEW: Verdict = Verdict::Open(
    "25 hosts take part, so an exact count stays silent; an estimate may read thirty",
);

pub(super) const ENTRY: Entry = Entry {
    profile: Profile {
        name: PLAN.name,
        summary: "a proxy passes calls on between 16 telephones and 8 other domains",
        defeats: "propagation alone: a proxy is a relay by nature",
        kind: Kind::Benign,
        two_way: true,
        same_port: true,
        standard: true,
        expectations: &[
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
    },
    open,
};

fn open(seed: u64, options: &GenerateOptions) -> Result<FrameStream, CorpusError> {
    PLAN.open(seed, options, Telephony::new)
}

struct Phone {
    end: End,
    user: String,
    make: usize,
}

struct Telephony {
    proxy: End,
    phones: Vec<Phone>,
    domains: Vec<(End, String)>,
    /// What telephones of one make say of themselves.
    makes: Vec<Make>,
}

struct Make {
    headers: String,
    media: String,
}

struct Happening;

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
    fn new(cast: &mut Cast) -> Result<Self, CorpusError> {
        let proxy = at_port(&cast.inside_server(5)?, PORT);
        let (phones, domains) = (cast.outside(PHONES)?, cast.outside(DOMAINS)?);
        let rng = &mut cast.rng;
        let makes: Vec<Make> = (0..3).map(|_| Make::new(rng)).collect();
        let phones = phones.into_iter().enumerate().map(|(index, end)| Phone {
            end: at_port(&end, PORT),
            user: format!("{}{index}", word(rng)),
            make: index % makes.len(),
        });
        let phones = phones.collect();
        let domains = domains
            .into_iter()
            .map(|end| (at_port(&end, PORT), format!("{}.example", word(rng))))
            .collect();
        Ok(Self { proxy, phones, domains, makes })
    }

    fn register(&self, time_ns: u64, scene: &mut Scene<Happening>) {
        let rng = &mut scene.rng;
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
        scene.wire.udp(time_ns, (&phone.end, &self.proxy), text.as_bytes());
        let answer = Message { first_line: "SIP/2.0 200 OK".to_owned(), ..message };
        let answer = Message { rest: "\r\n".to_owned(), ..answer };
        let text = answer.write(&vias);
        let later = time_ns + rng.between(1, 9) * MILLISECOND;
        scene.wire.udp(later, (&self.proxy, &phone.end), text.as_bytes());
    }

    /// A call between a telephone and another domain, through the proxy.
    fn call(&self, time_ns: u64, scene: &mut Scene<Happening>) {
        let (rng, wire) = (&mut scene.rng, &mut scene.wire);
        let phone = &self.phones[rng.index(self.phones.len())];
        let (domain, domain_name) = any(&self.domains, rng);
        let outgoing = rng.chance(0.7);
        let (caller, callee) =
            if outgoing { (phone.end, domain) } else { (domain, phone.end) };
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
                wire.udp(time_ns, (&from, &to), text.as_bytes());
                time_ns += rng.between(MILLISECOND, 8 * MILLISECOND);
            }
            let pause = if verb == "ACK" { 20 * SECOND } else { 400 * MILLISECOND };
            time_ns += rng.between(pause / 4, pause);
        }
    }
}

/// What a host writes of itself into a request that comes through it.
fn via(end: &End, rng: &mut Rng) -> String {
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

impl Story for Telephony {
    type Event = Happening;

    fn begin(&mut self, start_ns: u64, scene: &mut Scene<Happening>) {
        scene.at(start_ns + SECOND, Happening);
    }

    fn happen(&mut self, time_ns: u64, _: Happening, scene: &mut Scene<Happening>) {
        if scene.rng.chance(0.4) {
            self.register(time_ns, scene);
        } else {
            self.call(time_ns, scene);
        }
        scene.after(time_ns, RATE, Happening);
    }

    fn parameters(&self) -> Vec<(&'static str, Value)> {
        vec![("telephones", PHONES.into()), ("domains", DOMAINS.into())]
    }
}
