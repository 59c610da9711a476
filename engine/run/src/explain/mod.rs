//! One signature in full, as text.
//!
//! What it is and why it was reported (the block that `detect` prints), how it grew, who
//! had it from whom (`chain`), and its bytes where they were seen (`samples`). The last
//! three need the captures; without them, what the signature itself remembers is shown.

mod chain;
mod follower;
mod growth;
mod samples;
mod trail;

pub use follower::{Follower, NotFollowed};
pub use trail::Trail;

use crate::palette::Palette;
use crate::signature_text::block;
use serde::Serialize;
use serde_json::Value;
use wormsift::signature::{Finding, Signature};
use wormsift_export::json_lines;
use wormsift_export::mute::Muted;

/// All of it as text.
pub fn text(
    signature: &Signature,
    muted: Option<&Muted>,
    trail: &Trail,
    palette: Palette,
) -> String {
    let mut text = String::new();
    block(&mut text, None, signature, palette);
    if let Some(muted) = muted {
        text += &format!("   muted {}\n", muted.words());
    }
    growth::write(&mut text, signature, &trail.growth(), palette);
    chain::write(&mut text, trail, palette);
    samples::write(&mut text, signature, trail, palette);
    text
}

/// One signature and its chain of infection.
#[derive(Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "explanation")
)]
pub struct Explanation {
    #[cfg_attr(
        feature = "schema",
        schemars(schema_with = "json_lines::schema::finding")
    )]
    signature: Value,
    /// Hosts that had begun to send, in equal steps of time.
    growth_curve: Vec<growth::Point>,
    /// Null where times are too few.
    growth_fit: Option<json_lines::GrowthRecord>,
    /// Each sender after the one it had it from.
    chain: Vec<chain::Link>,
    /// In which it was found again; null without captures.
    packets: Option<u64>,
    hosts_left_out: u64,
}

impl Explanation {
    /// Of a signature, what mutes it, and its way.
    pub fn new(signature: &Signature, muted: Option<&Muted>, trail: &Trail) -> Self {
        let line = json_lines::write_marked(&Finding::Summary(signature.clone()), muted);
        Self {
            // It was written a moment ago: there is nothing that could fail.
            signature: serde_json::from_str(&line).unwrap_or_default(),
            growth_curve: growth::points(&trail.growth()),
            growth_fit: growth::fit(signature, &trail.growth()),
            chain: chain::links(trail),
            packets: trail.was_followed().then_some(trail.packets()),
            hosts_left_out: trail.left_out(),
        }
    }
}
