//! Counts side by side.

use crate::page::plot::px;
use wormsift_export::html::markup::Markup;
use wormsift_export::html::number::count;

/// A bar as long as a count is against the greatest one; for a table's cell, beside
/// the number itself.
pub(in crate::page) fn draw(page: &mut Markup, value: f64, most: f64) {
    const LENGTH: f64 = 110.0;
    let length = if most > 0.0 { (value / most).clamp(0.0, 1.0) * LENGTH } else { 0.0 };
    // Something is never drawn as nothing.
    let length = if value > 0.0 { length.max(1.5) } else { 0.0 };
    let attributes = [
        ("xmlns", "http://www.w3.org/2000/svg"),
        ("class", "bar"),
        ("viewBox", "0 0 112 10"),
        ("aria-hidden", "true"),
    ];
    page.element("svg", &attributes, |page| {
        page.empty("path", &[("class", "axis"), ("d", "M.5 0V10")]);
        let size = [
            ("class", "mark dispersion"),
            ("x", "1"),
            ("y", "1"),
            ("width", &px(length)),
            ("height", "8"),
        ];
        page.empty("rect", &size);
    });
    page.text(&count(value));
}
