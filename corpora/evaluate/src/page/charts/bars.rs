//! Bars for counts, in cells of tables.

use crate::page::plot::px;
use maud::{Markup, html};
use wormsift_export::html::number::count;

/// A bar as long as a count is against the greatest one; for a table's cell, beside
/// the number itself.
pub(in crate::page) fn draw(value: f64, most: f64) -> Markup {
    const LENGTH: f64 = 110.0;
    let length = if most > 0.0 { (value / most).clamp(0.0, 1.0) * LENGTH } else { 0.0 };
    // A count above 0 is always visible.
    let length = if value > 0.0 { length.max(1.5) } else { 0.0 };
    html! {
        svg.bar viewBox="0 0 112 10" aria-hidden="true" {
            path.axis d="M.5 0V10" {}
            rect.mark.dispersion x="1" y="1" width=(px(length)) height="8" {}
        }
        (count(value))
    }
}
