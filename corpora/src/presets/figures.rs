//! Published figures of known worms.
//!
//! Every figure says where it is from. *Ours* marks what no source gives; such a
//! figure has the right order and no more.

use super::{AttackKind, Preset};
use crate::epidemic::LocalPreference;

/// One infected at first, every scan infects, nothing local, no padding.
const PLAIN: Preset = Preset {
    name: "",
    population: 0,
    first_infected: 1,
    scan_rate: 0.0,
    infection_chance: 1.0,
    local: LocalPreference { same_8: 0.0, same_16: 0.0, same_24: 0.0 },
    attack: AttackKind::Tcp { port: 0 },
    invariant: 0,
    padding: 0..=0,
};

/// Code Red v2, 19 July 2001.
///
/// - Population: over 359,000 hosts in less than 14 hours (Moore, Shannon and
///   Brown, *Code-Red: a case study*, IMW 2002).
/// - Scan rate: set so that the number of infected doubles in 37 minutes, as
///   Moore and others say in *Inside the Slammer Worm* (2003). Six scans a
///   second, about what its hundred threads reach, would double it in 23
///   minutes, near the 1.8 an hour that Staniford, Paxson and Weaver fitted
///   (2002). Which share is infected at detection does not depend on it.
/// - First infected: ours.
/// - About 4 KB over TCP port 80: the same sources. No byte differs between
///   copies.
pub const CODE_RED: Preset = Preset {
    name: "code-red",
    population: 359_000,
    scan_rate: 3.735,
    attack: AttackKind::Tcp { port: 80 },
    invariant: 4_000,
    ..PLAIN
};

/// Slammer (Sapphire), 25 January 2003.
///
/// - Population: over 75,000 hosts (Moore and others, *Inside the Slammer Worm*,
///   IEEE Security and Privacy 2003).
/// - Scan rate: 4,000 a second on average, the same article. With 75,000 hosts
///   that doubles the infected in 9.9 s; measured were 8.5 s. The real worm slows
///   down when it fills its links, this one does not.
/// - First infected: ours.
/// - 376 bytes in one UDP packet to port 1434: the same article. The source port
///   is random.
pub const SLAMMER: Preset = Preset {
    name: "slammer",
    population: 75_000,
    scan_rate: 4_000.0,
    attack: AttackKind::Udp { source_port: None, destination_port: Some(1_434) },
    invariant: 376,
    ..PLAIN
};

/// Like Blaster, 11 August 2003.
///
/// - Population: over 250,000 hosts in a week (Nazario, from a /8 that watched).
/// - Scan rate: batches of twenty connections; that they take a second is ours.
/// - First infected, and 1,700 bytes for the exploit: ours.
/// - TCP port 135 (Bailey and others, *The Blaster Worm: Then and Now*, IEEE
///   Security and Privacy 2005).
///
/// Simplified: Blaster scans one address after the other from a starting point;
/// here addresses are drawn. The shell and the transfer of the rest of the worm,
/// from ports 4444 and 69, are left out.
pub const BLASTER: Preset = Preset {
    name: "blaster",
    population: 250_000,
    scan_rate: 20.0,
    attack: AttackKind::Tcp { port: 135 },
    invariant: 1_700,
    ..PLAIN
};

/// Witty, 19 March 2004.
///
/// - Population: about 12,000 hosts, and 110 of them in the first ten seconds,
///   as if from a list (Shannon and Moore, *The Spread of the Witty Worm*, IEEE
///   Security and Privacy 2004).
/// - Scan rate: set so that, from 110 hosts, 95 % are infected after the 45
///   minutes that the article gives for all of them. Hosts were in fact limited
///   by their links and very unlike each other; the mean over the day was some
///   hundreds a second.
/// - UDP from port 4000 to random ports, padded to a random length: the same
///   article. About 650 bytes of code; the range of the padding is ours.
///
/// A weakness of its generator, by which some addresses were never drawn (Kumar,
/// Paxson and Weaver, IMC 2005), is left out.
pub const WITTY: Preset = Preset {
    name: "witty",
    population: 12_000,
    first_infected: 110,
    scan_rate: 1_011.0,
    attack: AttackKind::Udp { source_port: Some(4_000), destination_port: None },
    invariant: 650,
    padding: 100..=600,
    ..PLAIN
};

/// Sasser, 30 April 2004.
///
/// - Population: estimates in the press of its first week go from 500,000 to a
///   million hosts; the lower one.
/// - Scan rate: 128 threads (F-Secure); that each waits about 21 s for an address
///   that does not answer, hence six a second, is ours.
/// - Half of the scans anywhere, a quarter to the scanner's own /8, a quarter to
///   its own /16; TCP port 445: descriptions of May 2004.
/// - First infected, and 2,000 bytes for the exploit: ours.
///
/// The shell and the transfer of the rest, from ports 9996 and 5554, are left
/// out.
pub const SASSER: Preset = Preset {
    name: "sasser",
    population: 500_000,
    scan_rate: 6.0,
    local: LocalPreference { same_8: 0.25, same_16: 0.25, same_24: 0.0 },
    attack: AttackKind::Tcp { port: 445 },
    invariant: 2_000,
    ..PLAIN
};

/// Like Mirai, from August 2016.
///
/// - Population: 600,000 at its peak (Antonakakis and others, *Understanding the
///   Mirai Botnet*, USENIX Security 2017).
/// - Scan rate: of the order of 100 a second; ours.
/// - Infection chance: set so that the number of infected doubles in 75.5
///   minutes, as was observed at its start. Most guesses fail, and another host
///   brings the code later.
/// - TCP ports 23 and 2323 (Netlab 360, 2016). That nine in ten go to the first,
///   and 18 bytes in common after a name and a password of 7 letters, each one of
///   eight, are ours.
pub const MIRAI: Preset = Preset {
    name: "mirai",
    population: 600_000,
    scan_rate: 100.0,
    infection_chance: 0.010_95,
    attack: AttackKind::Login { ports: [23, 2_323] },
    invariant: 18,
    ..PLAIN
};
