//! Worms whose copies have little in common.
//!
//! Scenarios that spread as `outbreak` does, one UDP datagram a scan, and differ
//! in what the datagrams share: everything but the port, a core that moves, a
//! few tokens, less than a window, nothing.

use super::scanning::{Carried, Scanning};
use super::story::Story;
use crate::body::{Body, Piece};
use crate::error::CorpusError;
use crate::frame_stream::FrameStream;
use crate::profile::{Expectation, Kind, Profile, Verdict};
use crate::rng::Rng;
use crate::scenario::{Entry, GenerateOptions};

const PORT: u16 = 48_881;
/// The source port of `random-port`.
const FIXED_SOURCE: u16 = 4_000;

const BASE: Profile = Profile {
    name: "",
    summary: "",
    defeats: "",
    kind: Kind::Worm,
    two_way: true,
    same_port: true,
    standard: true,
    expectations: &[],
};

const PORTS_VARY: Verdict =
    Verdict::Silent("every packet goes to another port, and the port is in the key");

pub(super) const RANDOM_PORT: Entry = Entry {
    profile: Profile {
        name: "random-port",
        summary: "from one source port to random destination ports, with padding of \
                  random length behind the body",
        defeats: "keys that hold the destination port; fixed packet lengths",
        same_port: false,
        expectations: &[
            Expectation::by_default(PORTS_VARY, PORTS_VARY),
            Expectation::under("port_rule = \"source\"", Verdict::Fires, Verdict::Fires),
            Expectation::under("port_rule = \"none\"", Verdict::Fires, Verdict::Fires),
        ],
        ..BASE
    },
    open: |seed, options| {
        let story = Story::new(RANDOM_PORT.profile.name, seed, options)?;
        Scanning::default().stream(story, |story| {
            let own = pieces(&[Part::Fixed(900), Part::Padding(0, 400)], story);
            Ok(Carried::new(story, own, PORT)?.sent_from(FIXED_SOURCE))
        })
    },
};

const CORE_MISSED: Verdict = Verdict::Open(
    "the core's 250 bytes have 211 windows; in 3.6 % of the seeds none of them is sampled",
);

pub(super) const PADDED_CORE: Entry = Entry {
    profile: Profile {
        name: "padded-core",
        summary: "a core of 250 bytes at a random place in random padding of random \
                  length",
        defeats: "hashes of packets, of prefixes and at fixed offsets",
        expectations: &[
            Expectation::by_default(CORE_MISSED, CORE_MISSED),
            // Misses no run of 167 bytes.
            Expectation::under(
                "sampling = \"winnow:128\"",
                Verdict::Fires,
                Verdict::Fires,
            ),
        ],
        ..BASE
    },
    open: |seed, options| {
        let core = [Part::Padding(8, 500), Part::Fixed(250), Part::Padding(8, 500)];
        open_shaped(PADDED_CORE.profile.name, seed, options, |story| pieces(&core, story))
    },
};

const TOKENS_MISSED: Verdict = Verdict::Open(
    "a token of 60 bytes has 21 windows; in 37 % of the seeds none of the three tokens' \
     63 is sampled",
);

pub(super) const LONG_TOKENS: Entry = Entry {
    profile: Profile {
        name: "polymorphic-long-tokens",
        summary: "three tokens of 60 bytes in otherwise random bytes, at places that vary",
        defeats: "one contiguous signature",
        expectations: &[
            Expectation::by_default(TOKENS_MISSED, TOKENS_MISSED),
            Expectation::under("sampling = \"1\"", Verdict::Fires, Verdict::Fires),
            // Misses no run of 55 bytes.
            Expectation::under(
                "sampling = \"winnow:16\"",
                Verdict::Fires,
                Verdict::Fires,
            ),
        ],
        ..BASE
    },
    open: |seed, options| {
        let gap = || Part::Padding(20, 120);
        let fixed = || Part::Fixed(60);
        let parts = [gap(), fixed(), gap(), fixed(), gap(), fixed(), gap()];
        open_shaped(LONG_TOKENS.profile.name, seed, options, |story| {
            pieces(&parts, story)
        })
    },
};

const NO_WINDOW: Verdict = Verdict::Silent(
    "no token is as long as a window of 40 bytes: no two copies share one",
);

pub(super) const SHORT_TOKENS: Entry = Entry {
    profile: Profile {
        name: "polymorphic-short-tokens",
        summary: "two to six tokens of 4 to 30 bytes in otherwise random bytes, one of \
                  them of 20 or more",
        defeats: "content sifting: what is shared is shorter than its window",
        expectations: &[
            Expectation::by_default(NO_WINDOW, NO_WINDOW),
            // The longest token holds at least five windows of 16 bytes.
            Expectation::under(
                "beta = 16\nsampling = \"1\"",
                Verdict::Fires,
                Verdict::Fires,
            ),
        ],
        ..BASE
    },
    open: |seed, options| {
        open_shaped(SHORT_TOKENS.profile.name, seed, options, |story| {
            let mut rng = story.rng("tokens");
            let mut lengths = vec![rng.between(20, 30) as usize];
            for _ in 0..rng.between(1, 5) {
                lengths.push(rng.between(4, 30) as usize);
            }
            rng.shuffle(&mut lengths);
            let mut parts = vec![Part::Padding(20, 120)];
            for length in lengths {
                parts.extend([Part::Fixed(length), Part::Padding(20, 120)]);
            }
            pieces(&parts, story)
        })
    },
};

const ONE_IN_64: Verdict = Verdict::Open(
    "a datagram shorter than a window is one fingerprint, sampled in one seed of 64",
);

pub(super) const SHORT_DATAGRAM: Entry = Entry {
    profile: Profile {
        name: "short-datagram",
        summary: "the whole worm is a datagram of 30 bytes",
        defeats: "windows longer than the payload",
        expectations: &[
            Expectation::by_default(ONE_IN_64, ONE_IN_64),
            Expectation::under("sampling = \"1\"", Verdict::Fires, Verdict::Fires),
        ],
        ..BASE
    },
    open: |seed, options| {
        open_shaped(SHORT_DATAGRAM.profile.name, seed, options, |story| {
            pieces(&[Part::Fixed(30)], story)
        })
    },
};

const NOTHING_SHARED: Verdict =
    Verdict::Silent("every copy has a key of its own: no two share any bytes");

pub(super) const ENCRYPTED: Entry = Entry {
    profile: Profile {
        name: "encrypted",
        summary: "every copy is encrypted under a key of its own: 400 random bytes",
        defeats: "content sifting as such; behaviour alone gives it away",
        expectations: &[
            Expectation::by_default(NOTHING_SHARED, NOTHING_SHARED),
            Expectation::under("sampling = \"1\"", NOTHING_SHARED, NOTHING_SHARED),
        ],
        ..BASE
    },
    open: |seed, options| {
        open_shaped(ENCRYPTED.profile.name, seed, options, |_| {
            Body::new(vec![Piece::Mutable(400)])
        })
    },
};

/// A scenario that is nothing but its body's shape.
fn open_shaped(
    name: &'static str,
    seed: u64,
    options: &GenerateOptions,
    body: impl FnOnce(&Story) -> Body,
) -> Result<FrameStream, CorpusError> {
    let story = Story::new(name, seed, options)?;
    story.refuse(options.body.is_some(), "body", "the shape of its body is its story")?;
    Scanning::default().stream(story, |story| Carried::new(story, body(story), PORT))
}

enum Part {
    /// So many random bytes, the same in every copy.
    Fixed(usize),
    /// From so many to so many, different in every copy.
    Padding(usize, usize),
}

fn pieces(parts: &[Part], story: &Story) -> Body {
    let mut rng: Rng = story.rng("body");
    let piece = |part: &Part| match *part {
        Part::Fixed(length) => {
            let mut bytes = Vec::new();
            rng.append(length, &mut bytes);
            Piece::Invariant(bytes)
        }
        Part::Padding(least, most) => Piece::Padding { least, most },
    };
    Body::new(parts.iter().map(piece).collect())
}
