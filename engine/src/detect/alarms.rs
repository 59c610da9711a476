//! The alarms that a content can raise.

use crate::state::persist_choice;

/// Why a content was reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Alarm {
    #[default]
    /// Many sources and many destinations (EarlyBird, section 4.2).
    Dispersion,
    /// Hosts that received the content passed it on.
    Propagation,
}

impl Alarm {
    /// Both alarms, in order.
    pub const ALL: [Self; 2] = [Self::Dispersion, Self::Propagation];

    /// The name used in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dispersion => "dispersion",
            Self::Propagation => "propagation",
        }
    }
}

persist_choice!(Alarm: Alarm::Dispersion, Alarm::Propagation);
