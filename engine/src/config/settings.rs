//! The table of settings: each is declared here, once.
//!
//! One entry makes a field of [`Config`], its default, and a [`Setting`]. Names, ranges,
//! messages, flags, help texts and `docs/settings.md` are derived from the latter.

use super::{Endpoint, Kind, MayStart, PortRule, SecretKey, Size, Span, Tap};
use crate::error::Error;
use crate::fingerprint::Sampling;
use crate::packet::{HomeNet, Network};
use serde::Deserialize;
use serde_json::Value;
use strsim::levenshtein as edits;

/// The longest time that a setting may ask for: ten years. Twice as long still fits into
/// the nanoseconds of a [`Span`].
const TEN_YEARS: Span = Span(3_650 * 86_400_000_000_000);

/// The shortest length of a time window.
const MILLISECOND: Span = Span(1_000_000);

/// Settings that are gone: name, and what is there in its place.
pub const REMOVED: &[(&str, &str)] = &[
    ("rate", "`memory` alone sizes the tables"),
    ("preset", "`dark` names the dark addresses of a telescope"),
];

/// What is known of one setting.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Setting {
    /// Its name: of the field, in a settings file, in messages.
    pub name: &'static str,
    /// What it takes, and within which range.
    pub kind: Kind,
    /// Its default as text; empty where it has no value by default.
    pub default: &'static str,
    /// Why this default.
    pub source: &'static str,
    /// What it does.
    pub help: &'static str,
    /// For tests and research: shown only where it is not at its default.
    pub hidden: bool,
}

impl Setting {
    /// The setting of this name.
    ///
    /// # Errors
    ///
    /// There is none: what is there in its place, or the nearest name.
    pub fn named(name: &str) -> Result<&'static Self, Error> {
        if let Some(setting) = SETTINGS.iter().find(|setting| setting.name == name) {
            return Ok(setting);
        }
        if let Some((_, instead)) = REMOVED.iter().find(|(removed, _)| *removed == name) {
            return Err(Error::config(name, format!("removed; {instead}")));
        }
        let shown = SETTINGS.iter().filter(|setting| !setting.hidden);
        let names: Vec<&str> = shown.map(|setting| setting.name).collect();
        let nearest = names.iter().min_by_key(|known| edits(name, known));
        let hint = match nearest.filter(|it| edits(name, it) * 2 <= name.chars().count())
        {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("there are {}", names.join(", ")),
        };
        Err(Error::config(name, format!("no such setting; {hint}")))
    }

    /// The command line's flag: a switch that is on by default has one that turns it off,
    /// and the secret key is read from a file.
    pub fn flag(&self) -> String {
        let name = self.name.replace('_', "-");
        match (self.kind, self.default) {
            (Kind::Switch, "true") => format!("--no-{name}"),
            (Kind::Key, _) => format!("--{name}-file"),
            _ => format!("--{name}"),
        }
    }

    /// The default as a value.
    pub fn default_value(&self) -> Value {
        self.kind.read(self.default)
    }
}

/// Makes [`Config`] and [`SETTINGS`]. An entry: the help, the field with its type and,
/// if it has one, its default, the kind, and why this default.
macro_rules! settings {
    ($(
        $(#[doc = $help:literal])+
        $name:ident: $type:ty $(= $default:literal)?, $kind:expr, $source:literal
        $(, hidden = $hidden:literal)?;
    )+) => {
        /// Every tunable of a sensor.
        ///
        /// Start from [`Config::default`] or [`Config::from_toml`] and change fields;
        /// [`Config::validate`] runs once, when a sensor is built.
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub struct Config {
            $(
                $(#[doc = $help])+
                ///
                #[doc = concat!("Default: ", $("`", $default, "`, ",)? $source, ".")]
                pub $name: $type,
            )+
        }

        /// Every setting, in the order in which they are shown.
        pub const SETTINGS: &[Setting] = &[$(Setting {
            name: stringify!($name),
            kind: $kind,
            default: concat!($($default)?),
            source: $source,
            help: concat!($($help),+).trim_ascii(),
            hidden: false $(|| $hidden)?,
        }),+];

        impl Default for Config {
            fn default() -> Self {
                let mut defaults = SETTINGS.iter().map(Setting::default_value);
                let mut next = || defaults.next().expect("a setting for each field");
                Self {
                    $($name: serde_json::from_value(next()).expect(stringify!($name)),)+
                }
            }
        }

        impl Config {
            /// The value of each setting, in the order of the table; the key's is null.
            pub(super) fn values(&self) -> Vec<Value> {
                let plain = "a setting is a plain value";
                vec![$(serde_json::to_value(&self.$name).expect(plain)),+]
            }

            /// Sets a field to a value of its form.
            pub(super) fn assign(
                &mut self,
                name: &str,
                value: &Value,
            ) -> Result<(), serde_json::Error> {
                match name {
                    $(stringify!($name) => self.$name = <$type>::deserialize(value)?,)+
                    _ => unreachable!("{name} is in the table"),
                }
                Ok(())
            }
        }
    };
}

settings! {
    /// Window length in bytes
    beta: usize = "40", Kind::Number(8, 64, "bytes"),
        "EarlyBird, section 4.1";

    /// Which windows are kept: 1 in N by value (N a power of two to 256), or winnow:W, the
    /// minimum of each W windows
    sampling: Sampling = "winnow:128", Kind::Text("N or winnow:W", "N|winnow:W"),
        "winnowing misses no 167 bytes that repeat; `64` is EarlyBird, section 5.2";

    /// Sightings within the prevalence window that promote a content
    prevalence: u8 = "3", Kind::Number(1, 15, "sightings"),
        "EarlyBird, section 5.3: 97 % of contents are seen at most twice a minute";

    /// Least length of the prevalence window: it goes on, in steps of this, until the table
    /// holds as many contents as it is sized for, or up to prevalence_window_most
    prevalence_window: Span = "1m", Kind::Time(MILLISECOND, TEN_YEARS),
        "EarlyBird, section 5.3";

    /// Greatest length of the prevalence window; equal to prevalence_window or less: each is
    /// as long as that says
    prevalence_window_most: Span = "1d", Kind::Time(MILLISECOND, TEN_YEARS),
        "since memory, not time, limits what a quiet link can remember";

    /// Distinct source hosts at which a content alarms
    sources: u32 = "30", Kind::Number(1, 10_000, "hosts"),
        "EarlyBird, section 5.4";

    /// Distinct destination hosts at which a content alarms
    destinations: u32 = "30", Kind::Number(1, 10_000, "hosts"),
        "EarlyBird, section 5.4";

    /// Length of the dispersion window
    dispersion_window: Span = "4h", Kind::Time(MILLISECOND, TEN_YEARS),
        "EarlyBird, section 5.4 (\"several hours\")";

    /// Hosts that relays passed a content on to, at which it alarms; one less where they were
    /// new to their relay
    spread: u32 = "3", Kind::Number(2, 1_000_000, "hosts"),
        "the lowest at which a benign mix of 2,700 captures shows one content";

    /// Which port tells contents apart: destination, source, service (the lower one) or none;
    /// by default none does, and hosts are counted by role and port
    port_rule: PortRule = "roles",
        Kind::Choice(&["roles", "destination", "source", "service", "none"]),
        "since a new worm may use one port or any; `destination` is EarlyBird, section 4.1";

    /// Fingerprint datagrams of 16 to beta - 1 bytes whole
    short_datagrams: bool = "true", Kind::Switch,
        "since a worm may fit into one", hidden = true;

    /// Sift across the seams of TCP segments
    tails: bool = "true", Kind::Switch,
        "since content may be cut into small segments", hidden = true;

    /// Learn for this long, in packet time, what is good, and raise no alarm
    learning_period: Span = "0s", Kind::Time(Span(0), TEN_YEARS),
        "since what is on the wire may be a worm already";

    /// Keep back what is boilerplate of a protocol and little else
    boilerplate: bool = "true", Kind::Switch,
        "since it is the same in every network";

    /// Decode tunnels (GRE, VXLAN, GTP-U, ERSPAN and the like) down to the inner packets
    tunnels: bool = "true", Kind::Switch,
        "since mirrors and overlays send them";

    /// UDP ports at which VXLAN is expected, at either end
    vxlan_ports: Vec<u16> = "4789,8472", Kind::List("1 to 16 UDP ports", "PORTS", "4789"),
        "RFC 7348, and Linux before it";

    /// Drop packets with wrong checksums
    checksums: bool = "false", Kind::Switch,
        "since offload leaves them unset";

    /// Bits of an IPv6 address that make a host, unless its network is seen to hold several
    v6_prefix: u8 = "64", Kind::Number(0, 128, "bits"),
        "since a host changes its address within a /64";

    /// Networks that are ours: they tell inside from outside in the output, and leave no
    /// packet out; single IPv6 addresses in them are hosts
    home_net: HomeNet, Kind::List("networks", "ADDR/BITS", "\"192.0.2.0/24\""),
        "none, so that inside is unknown";

    /// Networks in which nobody lives: what is sent to them is told apart into scans, probes and
    /// backscatter, and content that three hosts sent to three of their addresses alarms
    dark: Vec<Network>, Kind::List("networks", "NETWORKS|FILE", "\"192.0.2.0/24\""),
        "none";

    /// For how long, in packet time, it is noted which IPv4 addresses of home_net send: those that
    /// never do are dark from then on, until they send
    dark_learn: Span = "0s", Kind::Time(Span(0), TEN_YEARS),
        "since only who knows the network can say that all of it was seen";

    /// Services that pass content on by nature, such as a mail server
    relay_exempt: Vec<Endpoint>, Kind::List("addresses with ports", "ADDR:PORT", "\"192.0.2.1:25\""),
        "none";

    /// Networks whose hosts are trusted as ends of tunnels, such as mirrors and routers of ours:
    /// what comes in other tunnels shows of no address that it is not forged
    trusted_tunnels: Vec<Network>, Kind::List("networks", "ADDR/BITS", "\"192.0.2.0/24\""),
        "none, since whoever sends into a tunnel can forge both directions";

    /// Networks of planted hosts (honeypots), which should never start a conversation: one that
    /// does is told at once, and what it passes on alarms from its first host on
    decoys: Vec<Network>, Kind::List("networks", "NETWORKS|FILE", "\"192.0.2.0/24\""),
        "none";

    /// What decoys may start themselves: a protocol, a port, and to whom, where that matters
    decoys_may: Vec<MayStart>,
        Kind::List("protocols with ports and networks", "PROTOCOL/PORT", "\"udp/53 192.0.2.1\""),
        "nothing";

    /// The taps that traffic comes from, in the order of their numbers, each with its site where
    /// address spaces are told apart; --tap and --interface name them. A packet that several taps
    /// saw within 10 ms counts once
    taps: Vec<Tap>, Kind::List("taps", "NAME@SITE", "\"core@berlin\""),
        "one without a name";

    /// Memory of all tables together, never exceeded
    memory: Size = "256MiB", Kind::Size(Config::LEAST_MEMORY, Size(16 << 40)),
        "six counters a content at 140 Mbit/s of new payload (the sizing law)";

    /// The secret 128-bit key of every hash
    key: Option<SecretKey>, Kind::Key,
        "a fixed public key, so that runs repeat; a live sensor draws its own";
}
