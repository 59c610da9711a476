//! Prints how far each preset worm has spread when 30 of its hosts have been seen.
//! `cargo run --release -p wormsift-corpora --example detection_rule [SEEDS]`.

use std::error::Error;

use wormsift_corpora::detection_rule::detection_rule;
use wormsift_corpora::presets::PRESETS;

const SOURCES: u32 = 30;

fn main() -> Result<(), Box<dyn Error>> {
    let seeds: u64 = std::env::args().nth(1).map_or(Ok(20), |text| text.parse())?;
    println!(
        "{SOURCES} sources seen, {seeds} seeds: mean with its 95 % confidence interval \
         (and what the equations say)\n"
    );
    println!("| worm | sensor | S/M | infected share, % | seconds |");
    println!("|---|---|---|---|---|");
    for preset in PRESETS {
        for bits in [16, 20, 24] {
            let outcome = detection_rule(preset, bits, SOURCES, 0..seeds)?;
            let rule = f64::from(SOURCES) / f64::from(1u32 << (32 - bits));
            let (share, seconds) = (outcome.mean_share(), outcome.mean_seconds());
            println!(
                "| {} | /{bits} | {:.2} | {:.3} ± {:.3} ({:.3}) | {:.0} ± {:.0} ({:.0}) |",
                preset.name,
                100.0 * rule,
                100.0 * share.mean,
                100.0 * share.half_width,
                100.0 * outcome.expected_share,
                seconds.mean,
                seconds.half_width,
                outcome.expected_seconds,
            );
        }
    }
    Ok(())
}
