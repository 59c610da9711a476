//! A snapshot for tests, with hostile bytes in every place that traffic can reach.

use super::board::{BatchTimes, Fixed, Load, Reloads, Snapshot};
use super::taps::{Interface, State};
use crate::status::News;
use std::sync::Arc;
use std::time::Duration;
use wormsift::signature::{Finding, Signature};
use wormsift::{Config, Packet, Sensor, Timestamp};
use wormsift_capture::live::LiveCounters;
use wormsift_export::mute::MutedCounts;

/// Content that would be markup, a script, a direction or a terminal's command.
pub(crate) const HOSTILE: &[u8] = b"<script>alert(1)</script><img src=x onerror=alert(2)>\
    \"'&lt;--></style></pre>\x1b[31m\xe2\x80\xae\xff\x00<svg/onload=alert(3)>javascript:alert(4)";

/// What a sensor makes of hosts that pass the hostile content on.
pub(crate) fn signature() -> Signature {
    last(&mut spreading())
}

fn last(sensor: &mut Sensor) -> Signature {
    let last = sensor.findings().pop().map(Finding::into_signature);
    last.expect("it spreads")
}

/// A sensor that has seen them.
fn spreading() -> Sensor {
    let mut sensor = Sensor::new(
        Config::from_toml("sampling = '1'\nmemory = '16MiB'").expect("plain settings"),
    )
    .expect("settings in range");
    let mut worker = sensor.worker();
    for step in 0..30_u64 {
        worker.observe(&Packet {
            number: step + 1,
            time: Timestamp::from_nanos(step * 100_000_000),
            source: [10, 0, 0, (step / 3) as u8].into(),
            destination: [10, 0, 0, (step / 3 + 1 + step % 3 * 20) as u8].into(),
            protocol: 17,
            source_port: 5_000,
            destination_port: 4_444,
            sequence: 0,
            acknowledgement: 0,
            tcp_flags: 0,
            encapsulation: 0,
            to_group: false,
            untrusted_tunnel: false,
            identification: None,
            tap: 0,
            payload: HOSTILE,
        });
    }
    sensor.absorb([&mut worker]);
    sensor.finish();
    sensor
}

/// An interface that nothing has come from.
pub(super) fn interface(name: &str, state: State) -> Interface {
    Interface { name: name.to_owned(), state, counters: LiveCounters::default() }
}

pub(super) fn snapshot() -> Snapshot {
    let sensor =
        Sensor::new(Config::from_toml("memory = '16MiB'").expect("plain settings"))
            .expect("settings in range");
    let mut capture = LiveCounters::default();
    (capture.frames, capture.kernel_packets, capture.kernel_drops) = (1_000, 1_007, 7);
    capture.bytes = 123_456;
    let mut batches = BatchTimes::default();
    [2, 5, 20].iter().for_each(|time| batches.add(Duration::from_millis(*time)));
    let mut news = News::default();
    let mut spread = spreading();
    spread.incidents().into_iter().for_each(|it| news.incident(it, None));
    news.signature(&last(&mut spread), None);
    news.warning("tables are <b>full</b>");
    Snapshot {
        fixed: Arc::new(Fixed {
            interface: "tap\"0".to_owned(),
            kernel: "scalar",
            threads: 2,
            ring_bytes: 64 << 20,
            sandbox: vec!["user <root>".to_owned()],
        }),
        uptime: Duration::from_secs(90_061),
        now: "2026-11-23T08:00:00Z".to_owned(),
        stats: sensor.stats(),
        capture,
        load: Load {
            packets_per_second: 12_345.6,
            bits_per_second: 9.87e8,
            drops_per_second: 0.0,
            busy: 0.25,
        },
        batches,
        resident: 300 << 20,
        interfaces: vec![Interface {
            counters: capture,
            ..interface("tap\"0", State::Up)
        }],
        selected: 990,
        output_errors: 0,
        suricata: Some(Reloads { done: 2, failed: 1 }),
        muted: MutedCounts { signatures: 3, incidents: 2 },
        news,
    }
}
