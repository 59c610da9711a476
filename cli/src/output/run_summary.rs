//! What a run tells a person at its end, on stderr: what was read, how much of it could
//! be looked at, and what to do next.

use crate::output::muted::counted_muted;
use wormsift::Stats;
use wormsift::config::{Config, PortRule};
use wormsift::packet::Timestamp;
use wormsift::pipeline::NearestContent;
use wormsift_export::mute::MutedCounts;
use wormsift_export::text::{counted, grouped, service_name};
use wormsift_run::FinalStats;

/// What the end of a run knows beside its counters.
pub(crate) struct Ended<'a> {
    pub(crate) stats: &'a FinalStats,
    pub(crate) config: &'a Config,
    /// Times of the first and the last packet that were sifted.
    pub(crate) span: Option<[Timestamp; 2]>,
    pub(crate) nearest: Option<NearestContent>,
    /// Contents kept back as boilerplate.
    pub(crate) suppressed: usize,
}

impl Ended<'_> {
    /// Which files and packets there were, how long they span, how much was decoded.
    pub(crate) fn read(&self) -> String {
        let stats = self.stats;
        let mut text = format!(
            "read {} in {}",
            counted(stats.frames(), "packet"),
            counted(stats.files(), "file")
        );
        if let Some([first, last]) = self.span {
            let span = last.as_nanos().saturating_sub(first.as_nanos());
            text += &format!(", {} of traffic from {} UTC", length(span), second(first));
        }
        let selected = stats.selected();
        if selected < stats.frames() {
            text += &format!("; {} selected", grouped(selected));
        }
        if selected > 0 {
            let [decoded, payload] = shares(&stats.engine, selected);
            let bytes = stats.engine.packets.payload_bytes;
            text += &format!(
                "; {decoded:.1} % of them decoded, {payload:.1} % with payload ({})",
                counted(bytes, "byte")
            );
        }
        text
    }

    /// Why there may be no signature, and what to try.
    pub(crate) fn quiet(&self) -> Vec<String> {
        let config = self.config;
        let mut lines = Vec::new();
        if self.suppressed > 0 {
            lines.push(format!(
                "{} kept back as the boilerplate of a protocol; --show-suppressed lists, \
                 --no-boilerplate reports them",
                counted(self.suppressed as u64, "content")
            ));
        }
        match self.nearest {
            Some(nearest) => lines.push(self.lacking(nearest)),
            None => lines.push(format!(
                "no content was seen {} times within {}, or longer while the table had room",
                config.prevalence, config.prevalence_window
            )),
        }
        lines.push(format!("to see more, try {}", self.advice().join(", ")));
        lines
    }

    fn lacking(&self, nearest: NearestContent) -> String {
        let config = self.config;
        let lacks = |found: u32, wanted: u32, noun: &str| {
            let lacking = wanted.saturating_sub(found);
            (lacking > 0).then(|| counted(lacking.into(), noun))
        };
        let lacks: Vec<String> = [
            lacks(nearest.sources, config.sources, "source"),
            lacks(nearest.destinations, config.destinations, "destination"),
        ]
        .into_iter()
        .flatten()
        .collect();
        let lacks = match &lacks[..] {
            [] => "its own lists of hosts did not bear the estimate out".to_owned(),
            lacks => format!("it lacked {}", lacks.join(" and ")),
        };
        format!(
            "nearest to an alarm: content of {} from about {} to about {}; {lacks} (thresholds: \
             --sources {} --destinations {})",
            service_name(nearest.protocol, nearest.port),
            counted(nearest.sources.into(), "source"),
            counted(nearest.destinations.into(), "destination"),
            config.sources,
            config.destinations
        )
    }

    /// Flags that make the engine more sensitive, those that would tell most first.
    fn advice(&self) -> Vec<String> {
        let config = self.config;
        let mut advice = Vec::new();
        match self.nearest {
            Some(nearest) => {
                let less = |found: u32, asked: u32| found.clamp(2, asked.max(2));
                let sources = less(nearest.sources, config.sources);
                let destinations = less(nearest.destinations, config.destinations);
                advice.push(format!("--sources {sources} --destinations {destinations}"));
            }
            None if config.prevalence_window_most <= config.prevalence_window => {
                advice.push(format!(
                    "--prevalence-window-most 1d (content that comes back after more than {})",
                    config.prevalence_window
                ));
            }
            None => advice.push(
                "--prevalence-window 1h (content that comes back later than a full table \
                 remembers)"
                    .to_owned(),
            ),
        }
        if config.sampling.density() < 1.0 {
            advice.push("--sampling 1 (every window; short traces)".to_owned());
        }
        if !matches!(config.port_rule, PortRule::Roles | PortRule::None) {
            advice.push("--port-rule none (content that changes ports)".to_owned());
        }
        advice
    }
}

/// Of so many frames, the shares in percent that were decoded and that carried payload.
fn shares(stats: &Stats, frames: u64) -> [f64; 2] {
    let (packets, empty) = (stats.packets.packets, stats.packets.empty);
    // A datagram in fragments is one packet of several frames.
    let decoded = frames.saturating_sub(stats.drops.total()).max(packets.min(frames));
    let payload = packets.saturating_sub(empty).min(frames);
    [decoded, payload].map(|count| 100.0 * count as f64 / frames.max(1) as f64)
}

/// How to learn more about what was found.
pub(crate) fn next_steps(json: bool, given: &[String], id: &str) -> String {
    let given = given.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
    let explain = |file: &str| {
        format!(
            "wormsift explain {id} --signatures {file} {given}",
            id = &id[..id.len().min(8)]
        )
    };
    if json {
        format!("for all that is known of one: {}", explain("FILE"))
    } else {
        format!(
            "for all that is known of one: wormsift detect --json {given} > found.jsonl; {}",
            explain("found.jsonl")
        )
    }
}

/// As a shell takes it.
fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:,@%=".contains(c);
    if !name.is_empty() && name.chars().all(plain) {
        name.to_owned()
    } else {
        format!("'{}'", name.replace('\'', "'\\''"))
    }
}

/// A span of packet time in its two largest units.
pub(crate) fn length(nanos: u64) -> String {
    let seconds = nanos / 1_000_000_000;
    match seconds {
        0 => format!("{:.3} s", nanos as f64 / 1e9),
        1..60 => format!("{:.1} s", nanos as f64 / 1e9),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

fn second(time: Timestamp) -> String {
    time.to_string().chars().take(19).collect::<String>().replace('T', " ")
}

/// What `live` says at its end.
#[cfg(target_os = "linux")]
pub(crate) fn live(
    interface: &str,
    seconds: f64,
    frames: u64,
    drops: u64,
    stats: &Stats,
    muted: MutedCounts,
) -> String {
    let found = stats.signatures.signatures;
    let payload = stats.packets.payload_bytes;
    let muted = counted_muted(muted).map_or(String::new(), |muted| format!("; {muted}"));
    format!(
        "{interface}: listened for {}; {}, {} dropped by the kernel, {} of payload; {}{muted}",
        length((seconds * 1e9) as u64),
        counted(frames, "packet"),
        grouped(drops),
        counted(payload, "byte"),
        counted(found, "signature"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_have_two_units() {
        let of = |seconds: f64| length((seconds * 1e9) as u64);
        assert_eq!(of(0.25), "0.250 s");
        assert_eq!(of(59.94), "59.9 s");
        assert_eq!(of(61.0), "1 min 1 s");
        assert_eq!(of(7_260.0), "2 h 1 min");
        assert_eq!(of(90_000.0), "1 d 1 h");
    }

    #[test]
    fn commands_can_be_pasted() {
        let files = ["a.pcap".to_owned(), "it's here/*.pcap".to_owned()];
        assert_eq!(
            next_steps(true, &files, "0123456789abcdef"),
            "for all that is known of one: wormsift explain 01234567 --signatures FILE a.pcap \
             'it'\\''s here/*.pcap'"
        );
        let table = next_steps(false, &files[..1], "0123456789abcdef");
        assert!(
            table.contains("detect --json a.pcap > found.jsonl; wormsift explain 0123")
        );
    }
}
