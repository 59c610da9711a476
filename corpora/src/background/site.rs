//! The hosts of the monitored site, and the programs that they run.

use std::net::Ipv4Addr;

use super::BackgroundSettings;
use crate::address_space::Prefix;
use crate::link::Endpoint;
use crate::rng::Rng;

/// Benchmark addresses (RFC 2544), which no worm here scans.
const OUTSIDE: Prefix = Prefix { network: Ipv4Addr::new(198, 18, 0, 0), bits: 15 };

/// The hosts of the background. It does not change once it is drawn.
pub(super) struct Site {
    pub(super) people: Vec<Person>,
    /// Outside people who visit the site's own web server: two for every five
    /// inside.
    pub(super) visitors: Vec<Person>,
    pub(super) web_servers: Vec<WebServer>,
    pub(super) own_web_server: WebServer,
    pub(super) own_mail_server: Endpoint,
    pub(super) mail_servers: Vec<(Endpoint, String)>,
    pub(super) resolvers: Vec<Endpoint>,
    pub(super) time_servers: Vec<Endpoint>,
    pub(super) gateway: Endpoint,
    pub(super) monitor: Endpoint,
}

/// A user of one host.
pub(super) struct Person {
    pub(super) end: Endpoint,
    pub(super) name: String,
    /// Header lines of this person's browser but for host and cookie, in its order.
    pub(super) browser: Vec<String>,
    /// TLS cipher suites in this browser's order.
    pub(super) ciphers: Vec<u16>,
}

pub(super) struct WebServer {
    pub(super) end: Endpoint,
    pub(super) name: String,
    /// Header lines that it puts into every answer.
    pub(super) headers: Vec<String>,
}

impl Site {
    pub(super) fn new(settings: &BackgroundSettings) -> Self {
        let mut rng = Rng::new(settings.seed, "background site");
        let rng = &mut rng;
        let own = |index: u64| inside(settings.inside.address(index));
        let mut next_outside = 0;
        let mut outside = |rng: &mut Rng| {
            // Steps that are coprime to the size of the network: no address twice.
            next_outside += 8_191;
            let address = OUTSIDE.address(next_outside);
            Endpoint {
                address: address.into(),
                port: 0,
                inside: false,
                hop_limit: rng.between(44, 60) as u8,
            }
        };
        let hosts = settings.hosts as usize;
        let preferred = settings.prefer.iter().copied().take(hosts / 2);
        let mut addresses: Vec<Ipv4Addr> = preferred.collect();
        while addresses.len() < hosts {
            let address =
                settings.inside.address(rng.between(8, settings.inside.size() - 1));
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        let people =
            addresses.into_iter().map(|address| person(inside(address), rng)).collect();
        let visitors = (0..hosts * 2 / 5).map(|_| person(outside(rng), rng)).collect();
        let web_servers =
            (0..40 + hosts * 2).map(|_| web_server(outside(rng), rng)).collect();
        let mail_servers =
            (0..12 + hosts / 4).map(|_| (outside(rng), host_name(rng))).collect();
        Self {
            people,
            visitors,
            web_servers,
            own_web_server: web_server(own(2), rng),
            own_mail_server: own(3),
            mail_servers,
            resolvers: (0..3).map(|_| outside(rng)).collect(),
            time_servers: (0..4).map(|_| outside(rng)).collect(),
            gateway: own(1),
            monitor: outside(rng),
        }
    }
}

/// Appends words of running text, about `length` bytes.
pub(super) fn write_prose(length: usize, width: usize, rng: &mut Rng, out: &mut String) {
    let end = out.len() + length;
    let mut line = 0;
    while out.len() < end {
        let word = rng.word(WORDS);
        out.push_str(word);
        line += word.len() + 1;
        let over = line > width;
        out.push_str(if over { "\r\n" } else { " " });
        line = if over { 0 } else { line };
    }
}

/// A name under the reserved domain `example`.
pub(super) fn host_name(rng: &mut Rng) -> String {
    let (first, second) = (rng.word(WORDS), rng.word(WORDS));
    match rng.below(4) {
        0 => format!("www.{first}.example"),
        1 => format!("{first}-{second}.example"),
        2 => format!("{first}.{second}.example"),
        _ => format!("www.{first}{second}.example"),
    }
}

pub(super) fn random_word(rng: &mut Rng) -> &'static str {
    rng.word(WORDS)
}

fn inside(address: Ipv4Addr) -> Endpoint {
    Endpoint { address: address.into(), port: 0, inside: true, hop_limit: 64 }
}

fn person(end: Endpoint, rng: &mut Rng) -> Person {
    let name = format!("{}{}", rng.word(WORDS), rng.between(1, 99));
    let mut ciphers: Vec<u16> =
        (0x1301..=0x1303).chain(0xc009..=0xc014).chain(0xc02b..=0xc030).collect();
    rng.shuffle(&mut ciphers);
    ciphers.truncate(rng.between(8, 16) as usize);
    Person { end, name, browser: browser(rng), ciphers }
}

fn browser(rng: &mut Rng) -> Vec<String> {
    let version = rng.between(60, 125);
    let minor = rng.between(0, 6_000);
    let system = rng.word(&[
        "X11; Linux x86_64",
        "Windows NT 10.0; Win64; x64",
        "Macintosh; Intel Mac OS X 10_15_7",
        "X11; Ubuntu; Linux i686",
        "Windows NT 6.1",
    ]);
    let agent = match rng.below(4) {
        0 => format!(
            "Mozilla/5.0 ({system}; rv:{version}.0) Gecko/20100101 Firefox/{version}.0"
        ),
        1 => format!(
            "Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) \
             Chrome/{version}.0.{minor}.{} Safari/537.36",
            rng.between(1, 200)
        ),
        2 => format!("curl/7.{}.{}", version % 90, minor % 4),
        _ => format!("{}-sync/{}.{minor} ({system})", rng.word(WORDS), version % 9),
    };
    let languages = ["en-GB", "en-US", "de", "fr", "nl", "sv", "es", "pt-BR", "ja", "it"];
    let quality = rng.between(3, 9);
    let language =
        format!("{},{};q=0.{quality}", rng.word(&languages), rng.word(&languages));
    let accept = rng.word(&[
        "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8",
        "*/*",
        "text/html;q=0.9,image/webp,*/*;q=0.7",
        "application/json, text/plain, */*",
    ]);
    let encoding = rng.word(&["gzip, deflate", "gzip", "gzip, deflate, br", "identity"]);
    let mut lines = vec![
        format!("User-Agent: {agent}"),
        format!("Accept: {accept}"),
        format!("Accept-Language: {language}"),
        format!("Accept-Encoding: {encoding}"),
    ];
    if rng.chance(0.6) {
        lines.push("Connection: keep-alive".to_owned());
    }
    if rng.chance(0.4) {
        lines.push("DNT: 1".to_owned());
    }
    if rng.chance(0.4) {
        lines.push("Upgrade-Insecure-Requests: 1".to_owned());
    }
    rng.shuffle(&mut lines);
    lines
}

fn web_server(end: Endpoint, rng: &mut Rng) -> WebServer {
    let major = rng.between(1, 24);
    let server = rng.word(&["nginx", "Apache", "lighttpd", "Caddy", "Microsoft-IIS"]);
    let mut headers = vec![format!("Server: {server}/{}.{major}", major % 3)];
    if rng.chance(0.5) {
        headers.push(format!("Cache-Control: max-age={}", rng.between(1, 900) * 60));
    }
    if rng.chance(0.3) {
        headers.push("Vary: Accept-Encoding".to_owned());
    }
    if rng.chance(0.3) {
        headers.push("X-Content-Type-Options: nosniff".to_owned());
    }
    rng.shuffle(&mut headers);
    WebServer { end, name: host_name(rng), headers }
}

/// What texts and names are put together from.
const WORDS: &[&str] = &[
    "amber", "anchor", "apple", "arrow", "autumn", "bakery", "barley", "basket",
    "beacon", "birch", "blanket", "bottle", "branch", "bridge", "bronze", "butter",
    "candle", "canvas", "carbon", "castle", "cellar", "cherry", "circle", "clover",
    "coffee", "copper", "corner", "cotton", "cradle", "cricket", "crystal", "dancer",
    "desert", "dinner", "distant", "drawer", "eagle", "early", "eleven", "ember",
    "engine", "fabric", "falcon", "farmer", "feather", "fiddle", "field", "finger",
    "flower", "forest", "fountain", "garden", "gentle", "ginger", "glacier", "golden",
    "granite", "grocer", "hammer", "harbour", "harvest", "hazel", "hollow", "honey",
    "island", "ivory", "jacket", "journey", "juniper", "kettle", "kitchen", "ladder",
    "lantern", "leather", "lemon", "letter", "linen", "little", "lobster", "maple",
    "marble", "market", "meadow", "mellow", "mirror", "morning", "mountain", "napkin",
    "needle", "nickel", "north", "nutmeg", "ocean", "olive", "orange", "orchard",
    "otter", "oyster", "paddle", "parcel", "pebble", "pepper", "pigeon", "pillow",
    "planet", "pocket", "poplar", "quarry", "quiet", "rabbit", "raven", "ribbon",
    "river", "rocket", "saddle", "salmon", "sandal", "season", "shadow", "silver",
    "simple", "sister", "smooth", "sparrow", "spring", "square", "station", "stone",
    "summer", "table", "thimble", "thunder", "timber", "towel", "tunnel", "turtle",
    "valley", "velvet", "violet", "walnut", "water", "weather", "willow", "window",
    "winter", "wooden", "yellow",
];
