//! Packets of a file that go back in time.

use std::fmt;

use super::damage::write_on_one_line;
use wormsift::packet::Timestamp;

/// One file whose packets are not in order of time. It is no damage: they are taken in the
/// order of the file. Displays as one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disorder {
    /// The file.
    pub path: String,
    /// Its first packet that is earlier than the packet before it, from 1.
    pub packet: u64,
    /// The furthest step back, in nanoseconds.
    pub furthest: u64,
    /// How many packets are earlier than the packet before them.
    pub packets: u64,
}

impl fmt::Display for Disorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_on_one_line(f, &self.path)?;
        let (packet, by) = (self.packet, self.furthest as f64 / 1e9);
        let back = match by {
            1.0.. => format!("{by:.1} s"),
            _ => format!("{:.3} ms", by * 1e3),
        };
        match self.packets {
            1 => write!(f, ": packet {packet} goes back in time by {back}")?,
            packets => write!(
                f,
                ": {packets} packets go back in time, the first is packet {packet}, the \
                 furthest step is {back}"
            )?,
        }
        f.write_str("; `reordercap` sorts a capture by time")
    }
}

/// Watches the times of one file.
#[derive(Debug, Default)]
pub(super) struct Order {
    last: Timestamp,
    first_back: u64,
    furthest: u64,
    packets: u64,
}

impl Order {
    /// Takes the time of the packet with this number; whether it goes back.
    #[inline]
    pub(super) fn next(&mut self, packet: u64, time: Timestamp) -> bool {
        let back = time < self.last;
        if back {
            self.note(packet, time);
        }
        self.last = time;
        back
    }

    #[cold]
    fn note(&mut self, packet: u64, time: Timestamp) {
        if self.packets == 0 {
            self.first_back = packet;
        }
        self.packets += 1;
        self.furthest = self.furthest.max(self.last.as_nanos() - time.as_nanos());
    }

    /// What there is to tell of the file.
    pub(super) fn told(&self, path: &str) -> Option<Disorder> {
        (self.packets > 0).then(|| Disorder {
            path: path.into(),
            packet: self.first_back,
            furthest: self.furthest,
            packets: self.packets,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_back_are_told_by_place_number_and_length() {
        let line = |times: &[u64]| {
            let mut order = Order::default();
            for (time, packet) in times.iter().zip(1..) {
                order.next(packet, Timestamp::from_nanos(time * 1_000_000));
            }
            order.told("a.pcap").map(|it| it.to_string())
        };
        assert_eq!(line(&[1, 1, 2, 900_000]), None);
        let end = "; `reordercap` sorts a capture by time";
        assert_eq!(
            line(&[1, 5, 3, 4]).unwrap(),
            format!("a.pcap: packet 3 goes back in time by 2.000 ms{end}")
        );
        assert_eq!(
            line(&[1, 3_600_001, 1, 3_600_000, 7, 8]).unwrap(),
            format!(
                "a.pcap: 2 packets go back in time, the first is packet 3, the furthest \
                 step is 3600.0 s{end}"
            )
        );
    }
}
