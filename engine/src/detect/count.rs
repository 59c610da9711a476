//! Numbers of hosts, with what is known of them.

use super::propagation::Relay;
use crate::packet::{Host, Timestamp};
use crate::state::{persist, persist_choice};
use std::fmt;

/// The most hosts of one side of a content that are named; more are counted only.
pub const MOST_HOSTS: usize = 64;

/// How much a number of hosts says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Precision {
    /// It is the number of hosts that were seen.
    Exact,
    /// An estimate from 2,048 registers: as likely too high as too low, with a standard
    /// error of 2.3 %.
    #[default]
    About,
    /// So many were seen, and perhaps others that were not counted: there was no room for
    /// them, or the content is shorter than winnowing guarantees, so that some copies show
    /// no window. Above 64 it is an estimate as well.
    AtLeast,
}

impl Precision {
    /// Every precision, in order.
    pub const ALL: [Self; 3] = [Self::Exact, Self::About, Self::AtLeast];

    /// The name used in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::About => "about",
            Self::AtLeast => "at_least",
        }
    }

    /// What stands before a number of this precision in a sentence: nothing, or a word and
    /// a space.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Exact => "",
            Self::About => "about ",
            Self::AtLeast => "at least ",
        }
    }
}

/// A number of hosts, and how much it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// How many.
    pub number: u32,
    /// How much that says.
    pub precision: Precision,
}

impl Count {
    /// So many, and no others.
    pub const fn exact(number: u32) -> Self {
        Self { number, precision: Precision::Exact }
    }

    /// An estimate.
    pub const fn about(number: u32) -> Self {
        Self { number, precision: Precision::About }
    }

    /// So many, and others.
    pub const fn at_least(number: u32) -> Self {
        Self { number, precision: Precision::AtLeast }
    }
}

impl Relay {
    /// Its fan-out, which is an estimate above 16.
    pub fn fan_out_count(&self) -> Count {
        match self.is_exact() {
            true => Count::exact(self.fan_out),
            false => Count::about(self.fan_out),
        }
    }
}

/// As in a sentence: `12`, `about 340`, `at least 64`.
impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.precision.words(), self.number)
    }
}

/// The first packet with a content that the sensor still knows of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FirstSighting {
    /// Its number.
    pub packet: u64,
    /// Its time.
    pub time: Timestamp,
    /// Who sent it.
    pub source: Host,
    /// Whom it was sent to.
    pub destination: Host,
    /// Port of the sender, 0 without ports.
    pub source_port: u16,
    /// Port of the receiver; for ICMP type x 256 + code.
    pub destination_port: u16,
    /// Whether no earlier one can have been forgotten. A sensor remembers so many packets
    /// that did not count as repeated when they came; of older ones it cannot say.
    pub certain: bool,
}

persist!(Count { number, precision });
persist_choice!(Precision: Precision::Exact, Precision::About, Precision::AtLeast);
persist!(FirstSighting {
    packet,
    time,
    source,
    destination,
    source_port,
    destination_port,
    certain
});
