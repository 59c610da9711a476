//! Tables that scroll, print, and are read aloud.

use crate::html::markup::Markup;

/// A table in a box that scrolls by itself when the window is narrow.
pub fn scrolling(
    page: &mut Markup,
    class: &str,
    caption: &str,
    rows: impl FnOnce(&mut Markup),
) {
    let region = [
        ("class", "scroll"),
        ("role", "region"),
        ("tabindex", "0"),
        ("aria-label", caption),
    ];
    page.element("div", &region, |page| {
        page.element("table", &[("class", class)], |page| {
            page.leaf("caption", &[], caption);
            rows(page);
        });
    });
}

/// One row of column headings; those that begin with `#` stand over numbers.
pub fn headings(page: &mut Markup, names: &[&str]) {
    page.element("thead", &[], |page| {
        page.element("tr", &[], |page| {
            for name in names {
                match name.strip_prefix('#') {
                    Some(name) => {
                        page.leaf("th", &[("scope", "col"), ("class", "n")], name)
                    }
                    None => page.leaf("th", &[("scope", "col")], name),
                }
            }
        });
    });
}

/// A cell with a number.
pub fn number(page: &mut Markup, text: &str) {
    page.leaf("td", &[("class", "n")], text);
}

/// A cell with a number and, smaller under it, more about it.
pub fn number_with(page: &mut Markup, text: &str, more: &str) {
    page.element("td", &[("class", "n")], |page| {
        page.text(text);
        if !more.is_empty() {
            page.leaf("small", &[], more);
        }
    });
}
