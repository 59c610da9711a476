//! What is told at the end of a run, for a person.

use crate::output::table::section;
use serde_json::{Map, Value};
use wormsift::Stats;
use wormsift_export::mute::MutedCounts;
use wormsift_run::FinalStats;
pub(crate) use wormsift_run::{MutedCounters, by_name, sorted};

/// Section by section, a value a line.
pub(crate) fn for_people(stats: &FinalStats) -> String {
    let mut text = engine_for_people(&stats.engine);
    object(&mut text, "selection", &by_name(&stats.selection));
    let MutedCounts { signatures, incidents } = stats.muted_counters;
    section(&mut text, "muted", [("signatures", signatures), ("incidents", incidents)]);
    object(&mut text, "run", &by_name(&stats.run));
    text.truncate(text.trim_end().len());
    text
}

/// What a sensor has counted, section by section.
pub(crate) fn engine_for_people(engine: &Stats) -> String {
    let mut text = String::new();
    for (heading, values) in by_name(engine) {
        if let Value::Object(values) = values {
            object(&mut text, &heading, &values);
        }
    }
    for tap in &engine.taps {
        object(&mut text, &format!("tap {}", tap.tap), &by_name(&tap.counters));
    }
    text
}

/// A section of the plain values, then one for each object among them.
pub(crate) fn object(text: &mut String, heading: &str, values: &Map<String, Value>) {
    let plain = values.iter().filter(|(_, value)| !value.is_object());
    section(
        text,
        heading,
        plain.map(|(name, value)| {
            (name, value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        }),
    );
    for (name, value) in values {
        if let Value::Object(inner) = value {
            object(text, &format!("{heading}: {name}"), inner);
        }
    }
}
