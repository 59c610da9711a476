//! Scenarios of worms whose copies have little in common.
//!
//! Scenarios that spread as `outbreak` does, one UDP datagram a scan, and differ in what
//! the datagrams share: everything but the port, a core that moves, a few tokens, less
//! than a window, nothing.

use super::scanning::{CarriedBody, Scanning};
use super::setup::WormSetup;
use crate::body::{Body, Piece};
use crate::error::CorpusError;
use crate::frame_stream::FrameStream;
use crate::profile::{Expectation, Profile, Verdict};
use crate::scenario::{Entry, Request};

const PORT: u16 = 48_881;
/// The source port of `random-port`.
const FIXED_SOURCE: u16 = 4_000;

const PORTS_VARY: Verdict =
    Verdict::Silent("every packet goes to another port, and the port is in the key");

pub(super) const RANDOM_PORT: Entry = Entry {
    profile: Profile::worm(
        "random-port",
        "from one source port to random destination ports, with padding of random \
             length behind the body",
        "keys that hold the destination port; fixed packet lengths",
        &[
            Expectation::by_default(Verdict::Fires, Verdict::Fires),
            Expectation::under("port_rule = \"destination\"", PORTS_VARY, PORTS_VARY),
            Expectation::fires_under("port_rule = \"source\""),
            Expectation::fires_under("port_rule = \"none\""),
        ],
    ),
    open: |request| {
        let setup = WormSetup::new(request)?;
        Scanning::default().start(setup, |setup| {
            let own = body(&[Part::Fixed(900), Part::Padding(0, 400)], setup);
            Ok(CarriedBody::new(setup, own, PORT)?.sent_from(FIXED_SOURCE))
        })
    },
};

const CORE_MISSED: Verdict = Verdict::Open(
    "the core's 250 bytes have 211 windows; in 3.6 % of the seeds none of them is sampled",
);

pub(super) const PADDED_CORE: Entry = Entry {
    profile: Profile::worm(
        "padded-core",
        "a core of 250 bytes at a random place in random padding of random length",
        "hashes of packets, of prefixes and at fixed offsets",
        &[
            // Winnowing by 128 misses no run of 167 bytes.
            Expectation::by_default(Verdict::Fires, Verdict::Fires),
            Expectation::under("sampling = \"64\"", CORE_MISSED, CORE_MISSED),
        ],
    ),
    open: |request| {
        let core = [Part::Padding(8, 500), Part::Fixed(250), Part::Padding(8, 500)];
        open_shaped(request, |setup| body(&core, setup))
    },
};

const TOKENS_MISSED: Verdict = Verdict::Open(
    "a token of 60 bytes has 21 windows; in a third of the seeds none of the three tokens' \
     63 is kept",
);

pub(super) const LONG_TOKENS: Entry = Entry {
    profile: Profile::worm(
        "polymorphic-long-tokens",
        "three tokens of 60 bytes in otherwise random bytes, at places that vary",
        "one contiguous signature",
        &[
            Expectation::by_default(TOKENS_MISSED, TOKENS_MISSED),
            Expectation::fires_under("sampling = \"1\""),
            // Misses no run of 55 bytes.
            Expectation::fires_under("sampling = \"winnow:16\""),
        ],
    ),
    open: |request| {
        let parts = between_gaps([60; 3]);
        open_shaped(request, |setup| body(&parts, setup))
    },
};

const NO_WINDOW: Verdict = Verdict::Silent(
    "no token is as long as a window of 40 bytes: no two copies share one",
);

pub(super) const SHORT_TOKENS: Entry = Entry {
    profile: Profile::worm(
        "polymorphic-short-tokens",
        "two to six tokens of 4 to 30 bytes in otherwise random bytes, one of them of 20 \
         or more",
        "content sifting: what is shared is shorter than its window",
        &[
            Expectation::by_default(NO_WINDOW, NO_WINDOW),
            // The longest token holds at least five windows of 16 bytes.
            Expectation::fires_under("beta = 16\nsampling = \"1\""),
        ],
    ),
    open: |request| {
        open_shaped(request, |setup| {
            let mut rng = setup.rng("tokens");
            let mut lengths = vec![rng.between(20, 30) as usize];
            for _ in 0..rng.between(1, 5) {
                lengths.push(rng.between(4, 30) as usize);
            }
            rng.shuffle(&mut lengths);
            body(&between_gaps(lengths), setup)
        })
    },
};

const ONE_IN_64: Verdict = Verdict::Open(
    "a datagram shorter than a window is one fingerprint, sampled in one seed of 64",
);

pub(super) const SHORT_DATAGRAM: Entry = Entry {
    profile: Profile::worm(
        "short-datagram",
        "the whole worm is a datagram of 30 bytes",
        "windows longer than the payload",
        &[
            // Winnowing keeps every short datagram.
            Expectation::by_default(Verdict::Fires, Verdict::Fires),
            Expectation::under("sampling = \"64\"", ONE_IN_64, ONE_IN_64),
        ],
    ),
    open: |request| open_shaped(request, |setup| body(&[Part::Fixed(30)], setup)),
};

const NOTHING_SHARED: Verdict =
    Verdict::Silent("every copy has a key of its own: no two share any bytes");

pub(super) const ENCRYPTED: Entry = Entry {
    profile: Profile::worm(
        "encrypted",
        "every copy is encrypted under a key of its own: 400 random bytes",
        "content sifting as such; behaviour alone gives it away",
        &[
            Expectation::by_default(NOTHING_SHARED, NOTHING_SHARED),
            Expectation::under("sampling = \"1\"", NOTHING_SHARED, NOTHING_SHARED),
        ],
    ),
    open: |request| open_shaped(request, |_| Body::new(vec![Piece::Mutable(400)])),
};

/// A scenario that is about the shape of its body alone.
fn open_shaped(
    request: Request<'_>,
    body: impl FnOnce(&WormSetup) -> Body,
) -> Result<FrameStream, CorpusError> {
    let setup = WormSetup::new(request)?;
    setup.refuse(
        setup.options.body.is_some(),
        "body",
        "it is about the shape of its own body",
    )?;
    Scanning::default().start(setup, |setup| CarriedBody::new(setup, body(setup), PORT))
}

enum Part {
    /// So many random bytes, the same in every copy.
    Fixed(usize),
    /// From so many to so many, different in every copy.
    Padding(usize, usize),
}

/// Tokens of these lengths, with padding before, between and behind them.
fn between_gaps(lengths: impl IntoIterator<Item = usize>) -> Vec<Part> {
    let token = |length| [Part::Fixed(length), Part::Padding(20, 120)];
    let tokens = lengths.into_iter().flat_map(token);
    std::iter::once(Part::Padding(20, 120)).chain(tokens).collect()
}

fn body(parts: &[Part], setup: &WormSetup) -> Body {
    let mut rng = setup.rng("body");
    let piece = |part: &Part| match *part {
        Part::Fixed(length) => Piece::Invariant(rng.bytes(length)),
        Part::Padding(least, most) => Piece::Padding { least, most },
    };
    Body::new(parts.iter().map(piece).collect())
}
