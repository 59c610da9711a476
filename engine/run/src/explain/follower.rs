//! Looks for one signature in captures, and follows it from host to host.

use super::Trail;
use wormsift::config::Config;
use wormsift::decode::{Decoded, Decoder, Fragments};
use wormsift::error::Error;
use wormsift::packet::Packet;
use wormsift::signature::Signature;
use wormsift_capture::FrameBatch;
use wormsift_export::matching::{Found, Matcher};
use wormsift_export::{NoRule, Rule, RuleOptions, Sid};

/// Memory for the ends of TCP segments.
const TAILS: usize = 64 << 20;

/// Takes captures batch by batch.
pub struct Follower {
    decoder: Decoder,
    fragments: Fragments,
    look: Look,
}

struct Look {
    matcher: Matcher,
    trail: Trail,
    found: Vec<Found>,
    holding: Vec<usize>,
}

impl Look {
    fn packet(&mut self, packet: &Packet<'_>) {
        self.found.clear();
        self.matcher.scan(packet, &mut self.found);
        self.matcher.complete(packet, &self.found, &mut self.holding);
        self.trail.packet(packet, !self.holding.is_empty());
    }
}

/// Why a signature is not followed.
pub enum NotFollowed {
    /// It is too weak to look for.
    Weak(NoRule),
    /// Its strings are more than can be looked for.
    Matcher(Error),
}

impl Follower {
    /// Follows a signature in captures of a sensor with these settings.
    ///
    /// # Errors
    ///
    /// When it is too weak to look for.
    pub fn new(signature: &Signature, config: &Config) -> Result<Self, NotFollowed> {
        let options =
            RuleOptions { most_bytes: RuleOptions::HARD_LIMIT, ..RuleOptions::default() };
        let rule = Rule::new(signature, Sid { sid: 1, rev: 1 }, &options)
            .map_err(NotFollowed::Weak)?;
        let matcher = Matcher::new(&[rule], TAILS).map_err(NotFollowed::Matcher)?;
        let mut trail = Trail::of(signature);
        trail.know_sites(config);
        let decoder = Decoder::new(true, false).with_vxlan_ports(&config.vxlan_ports);
        Ok(Self {
            fragments: Fragments::new(decoder.clone()),
            decoder,
            look: Look { matcher, trail, found: Vec::new(), holding: Vec::new() },
        })
    }

    /// Takes the next frames.
    pub fn batch(&mut self, batch: &FrameBatch) {
        let Self { decoder, fragments, look } = self;
        for frame in batch.frames() {
            match decoder.frame(&frame) {
                Decoded::Packet(packet) => look.packet(&packet),
                Decoded::Fragment(fragment) => {
                    let Ok(()) = fragments.insert(&fragment, |packet| {
                        look.packet(packet);
                        Ok::<(), std::convert::Infallible>(())
                    });
                }
                Decoded::Drop(_) => {}
            }
        }
    }

    /// Where it went.
    pub fn finish(self) -> Trail {
        self.look.trail
    }
}
