//! Injection of a scenario into a given capture.
//!
//! The capture's frames stay as they are, in their order; each frame of the scenario goes
//! before the first one that is later. The truth numbers the packets of both together.

use std::io;

use crate::frame_stream::FrameStream;
use crate::ground_truth::GroundTruth;
use crate::merge::HeldFrame;
use crate::pcap_writer::{CapturedFrame, FrameWriter};

/// What was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Injected {
    /// The truth about the capture with the scenario in it.
    pub truth: GroundTruth,
    /// How many of its packets are the scenario's.
    pub planted_packets: u64,
}

/// Writes the capture with the scenario in it. Of one time, the capture's frames come first.
/// What the scenario has left when the capture ends comes after it.
///
/// # Errors
/// An error of the writer.
pub fn inject<H: HeldFrame>(
    mut scenario: FrameStream,
    capture: impl IntoIterator<Item = H>,
    writer: &mut dyn FrameWriter,
) -> io::Result<Injected> {
    let mut frame = Vec::new();
    let mut planted_packets = 0;
    // Captures may step back in time; the scenario does not.
    let mut now_ns = 0;
    for held in capture {
        let foreign = held.view();
        now_ns = foreign.time_ns.max(now_ns);
        while scenario.next_time().is_some_and(|next| next < now_ns) {
            let Some(info) = scenario.next_frame(&mut frame) else { break };
            writer.write_captured(&CapturedFrame::ethernet(info.time_ns, &frame))?;
            planted_packets += 1;
        }
        scenario.count_foreign(foreign.time_ns);
        writer.write_captured(&foreign)?;
    }
    while let Some(info) = scenario.next_frame(&mut frame) {
        writer.write_captured(&CapturedFrame::ethernet(info.time_ns, &frame))?;
        planted_packets += 1;
    }
    Ok(Injected { truth: scenario.into_truth(), planted_packets })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GenerateOptions, Outbreak};
    use std::time::Duration;

    #[derive(Clone, Debug, PartialEq)]
    struct Owned(u64, u32, u32, Vec<u8>);

    impl HeldFrame for Owned {
        fn view(&self) -> CapturedFrame<'_> {
            CapturedFrame {
                time_ns: self.0,
                link_type: self.1,
                original_length: self.2,
                bytes: &self.3,
            }
        }
    }

    #[derive(Default)]
    struct Kept(Vec<Owned>);

    impl FrameWriter for Kept {
        fn write_captured(&mut self, frame: &CapturedFrame<'_>) -> io::Result<()> {
            let (time, link) = (frame.time_ns, frame.link_type);
            self.0.push(Owned(time, link, frame.original_length, frame.bytes.to_vec()));
            Ok(())
        }
    }

    const SECOND: u64 = 1_000_000_000;

    /// A packet a second, every tenth a little too early, cut and not of Ethernet.
    fn capture() -> Vec<Owned> {
        let time = |i: u64| i * SECOND - if i % 10 == 9 { 2 * SECOND } else { 0 };
        (100..200).map(|i| Owned(time(i), 101, 1_500, vec![i as u8; 40])).collect()
    }

    fn scenario() -> FrameStream {
        let outbreak = Outbreak::new(5).options(GenerateOptions {
            start_ns: 90 * SECOND,
            duration: Some(Duration::from_secs(115)),
            background_hosts: Some(0),
            ..GenerateOptions::default()
        });
        outbreak.stream().unwrap()
    }

    #[test]
    fn the_capture_stays_and_the_truth_numbers_both() {
        let (mut kept, alone) = (Kept::default(), scenario().into_trace());
        let injected = inject(scenario(), capture(), &mut kept).unwrap();
        let foreign: Vec<&Owned> = kept.0.iter().filter(|one| one.1 == 101).collect();
        assert_eq!(foreign, capture().iter().collect::<Vec<_>>());
        let planted = kept.0.iter().filter(|one| one.1 == 1);
        let planted: Vec<_> = planted.map(|one| (one.0, one.3.clone())).collect();
        assert_eq!(planted, alone.frames);
        assert!(planted.len() > 100 && planted.last().unwrap().0 > 199 * SECOND);

        let truth = &injected.truth;
        assert_eq!(truth.packets, kept.0.len() as u64);
        assert_eq!(injected.planted_packets, alone.truth.packets);
        assert_eq!(truth.first_packet_ns, 100 * SECOND);
        assert_eq!(truth.last_packet_ns, alone.truth.last_packet_ns);
        for (number, frame) in (1..).zip(&kept.0) {
            assert_eq!(truth.contents[0].carriers.contains(number), frame.1 == 1);
        }
        assert_eq!(truth.infections.len(), alone.truth.infections.len());
        let infecting = |number: u64| kept.0[number as usize - 1].0;
        for (one, as_alone) in truth.infections.iter().zip(&alone.truth.infections) {
            assert_eq!((one.host, one.time_ns), (as_alone.host, as_alone.time_ns));
            assert_eq!(one.packet.is_some(), as_alone.packet.is_some());
            assert!(one.packet.is_none_or(|number| infecting(number) == one.time_ns));
        }
    }

    #[test]
    fn each_frame_of_the_scenario_is_before_the_first_later_one() {
        let mut kept = Kept::default();
        inject(scenario(), capture(), &mut kept).unwrap();
        let mut latest_foreign = 0;
        for (place, frame) in kept.0.iter().enumerate() {
            if frame.1 == 101 {
                latest_foreign = frame.0.max(latest_foreign);
                continue;
            }
            assert!(latest_foreign <= frame.0);
            let next = kept.0[place..].iter().find(|one| one.1 == 101);
            assert!(next.is_none_or(|next| frame.0 < next.0.max(latest_foreign)));
        }
    }
}
