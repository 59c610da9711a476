//! Record of a wave, as a line holds it.

use super::event::{EVENT, name_of};
use super::texts::{Id, Time, unreadable};
use super::{LineError, line, record_of};
use serde::{Deserialize, Serialize};
use wormsift::signature::{Wave, WaveRule};

/// A content comes from many more addresses than before. A later line with the same id says more.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "wave"))]
pub(super) struct WaveRecord {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "wave")))]
    event: String,
    /// Of an hour's growth, or of a day's spike.
    id: Id,
    /// The id of the signature.
    signature_id: Id,
    /// `growth`: the sources of an hour are twice those of the hour before. `spike`, once 28 days
    /// are known: those of a day are above `spike_above`.
    #[cfg_attr(feature = "schema", schemars(extend("enum" = WaveRule::ALL.map(WaveRule::name))))]
    rule: String,
    /// When the hour begins; hours and days are those of UTC.
    hour: Time,
    /// Distinct source addresses of that hour: exact while the signature has 128, else an
    /// estimate with a standard error of 2.3 %.
    hour_sources: u32,
    /// Those of the hour before; null where it was not counted whole.
    hour_sources_before: Option<u32>,
    /// By these two; null where there are no more than before, or none were before.
    doubling_seconds: Option<f64>,
    /// Distinct source addresses of the day up to the end of that hour; of an estimate the
    /// standard error is 4.6 %.
    day_sources: u32,
    /// Whole days known before that day.
    #[cfg_attr(feature = "schema", schemars(range(max = 84)))]
    days: u32,
    /// The greater of the median of these days and twice the distance of their quartiles, and the
    /// mean of the latest 28 and two standard deviations; null where fewer are known.
    spike_above: Option<f64>,
}

/// One wave as one line, without the line feed.
pub fn write_wave(it: &Wave) -> String {
    let record = WaveRecord {
        event: WAVE.to_owned(),
        id: Id(it.id.clone()),
        signature_id: Id(it.signature.clone()),
        rule: it.rule.name().to_owned(),
        hour: it.hour.into(),
        hour_sources: it.hour_sources,
        hour_sources_before: it.hour_sources_before,
        doubling_seconds: it.doubling_seconds,
        day_sources: it.day_sources,
        days: it.days,
        spike_above: it.spike_above,
    };
    // Plain strings and numbers: there is nothing that could fail.
    line(EVENT, &record).unwrap_or_default()
}

/// The name of the event.
const WAVE: &str = "wave";

/// Reads one line of a wave; `None` for another event, and for a line of another type.
///
/// # Errors
///
/// As [`read`](super::read).
pub fn read_wave(line: &str) -> Result<Option<Wave>, LineError> {
    if name_of(line)?.is_none_or(|name| name != WAVE) {
        return Ok(None);
    }
    let Some(it) = record_of::<WaveRecord>(line, EVENT)? else { return Ok(None) };
    let rule = WaveRule::ALL.into_iter().find(|rule| rule.name() == it.rule);
    Ok(Some(Wave {
        id: it.id.read("id")?,
        signature: it.signature_id.read("signature_id")?,
        rule: rule.ok_or_else(|| unreadable("rule", &it.rule))?,
        hour: it.hour.read("hour")?,
        hour_sources: it.hour_sources,
        hour_sources_before: it.hour_sources_before,
        doubling_seconds: it.doubling_seconds,
        day_sources: it.day_sources,
        days: it.days,
        spike_above: it.spike_above,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wormsift::Timestamp;

    #[test]
    fn a_wave_is_written_and_read_back() {
        let growth = Wave {
            id: "0123456789abcdef0123456789abcde0".to_owned(),
            signature: "0123456789abcdef0123456789abcdef".to_owned(),
            rule: WaveRule::Growth,
            hour: Timestamp::from_nanos(3_600_000_000_000),
            hour_sources: 278,
            hour_sources_before: Some(139),
            doubling_seconds: Some(3_600.0),
            day_sources: 400,
            days: 3,
            spike_above: None,
        };
        let golden = concat!(
            r#"{"schema":"wormsift/2","type":"event","event":"wave","#,
            r#""id":"0123456789abcdef0123456789abcde0","#,
            r#""signature_id":"0123456789abcdef0123456789abcdef","rule":"growth","#,
            r#""hour":"1970-01-01T01:00:00.000000000Z","hour_sources":278,"#,
            r#""hour_sources_before":139,"doubling_seconds":3600.0,"day_sources":400,"#,
            r#""days":3,"spike_above":null}"#,
        );
        assert_eq!(write_wave(&growth), golden);
        let spike = Wave {
            rule: WaveRule::Spike,
            hour_sources_before: None,
            doubling_seconds: None,
            spike_above: Some(125.3),
            ..growth.clone()
        };
        for wave in [growth, spike] {
            let line = write_wave(&wave);
            assert_eq!(read_wave(&line), Ok(Some(wave)));
            assert_eq!(super::super::read_event(&line), Ok(None));
            assert!(read_wave(&line.replace(r#""rule":""#, r#""rule":"x"#)).is_err());
            let other = line.replace(r#""event":"wave""#, r#""event":"tide""#);
            assert_eq!(read_wave(&other), Ok(None));
        }
    }
}
