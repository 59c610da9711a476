//! Charts of an evaluation.

pub(super) mod bars;
pub(super) mod growth;
pub(super) mod isolation;
pub(super) mod map;
pub(super) mod sampling;
pub(super) mod sensitivity;
pub(super) mod sketch;

use super::plot::{Shape, outline, path};
use crate::results::{AlarmResult, Found, Row, Run};
use maud::{Markup, html};

/// The two alarms, each with a colour, a shape and a stroke of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alarm {
    Dispersion,
    Propagation,
}

impl Alarm {
    pub(super) const BOTH: [Self; 2] = [Self::Dispersion, Self::Propagation];

    /// Its name, and its class in the style sheet.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Dispersion => "dispersion",
            Self::Propagation => "propagation",
        }
    }

    pub(super) fn shape(self) -> Shape {
        match self {
            Self::Dispersion => Shape::Circle,
            Self::Propagation => Shape::Triangle,
        }
    }

    pub(super) fn of_row(self, row: &Row) -> &AlarmResult {
        match self {
            Self::Dispersion => &row.dispersion,
            Self::Propagation => &row.propagation,
        }
    }

    pub(super) fn of_run(self, run: &Run) -> Option<Found> {
        match self {
            Self::Dispersion => run.dispersion,
            Self::Propagation => run.propagation,
        }
    }

    /// A small mark for running text.
    pub(super) fn key(self) -> Markup {
        let name = self.name();
        html! {
            svg.key viewBox="0 0 24 12" aria-hidden="true" {
                (path(&format!("line {name}"), "M0 6H24"))
                (path(&format!("mark {name}"), &outline(self.shape(), 12.0, 6.0, 4.0)))
            }
        }
    }
}
