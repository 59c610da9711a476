//! HTML pages that show hostile bytes.
//!
//! One HTML file that holds all it needs: there is no script, nothing is fetched, and a
//! content security policy says so. It reads in light and dark, on paper and on a
//! telephone. [`markup`] lets no text become markup.

pub mod escape;
pub mod markup;
pub mod number;
pub mod tables;

use markup::Markup;

/// Colours, type and tables that all pages share.
const STYLE: &str = include_str!("style.css");
/// Nothing is loaded or run; only the style sheets in the page count.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// A page of this title. `style` comes after the common one.
pub fn page(title: &str, style: &'static str, body: impl FnOnce(&mut Markup)) -> String {
    let mut page = Markup::default();
    let language = [("lang", "en"), ("xmlns", "http://www.w3.org/1999/xhtml")];
    page.element("html", &language, |page| {
        page.element("head", &[], |page| {
            page.empty("meta", &[("charset", "utf-8")]);
            let policy = [("http-equiv", "Content-Security-Policy"), ("content", POLICY)];
            page.empty("meta", &policy);
            let viewport = "width=device-width, initial-scale=1";
            page.empty("meta", &[("name", "viewport"), ("content", viewport)]);
            page.empty("meta", &[("name", "color-scheme"), ("content", "light dark")]);
            page.empty("meta", &[("name", "referrer"), ("content", "no-referrer")]);
            page.leaf("title", &[], title);
            page.style(STYLE);
            page.style(style);
        });
        page.element("body", &[], body);
    });
    page.finish()
}

#[cfg(test)]
mod tests {
    /// The colours of one scheme: from one `:root` of the style sheet.
    fn colours(scheme: &str) -> Vec<(&str, [f64; 3])> {
        let declared =
            scheme.split(';').filter_map(|line| line.trim().strip_prefix("--"));
        declared
            .map(|declaration| {
                let (name, hex) = declaration.split_once(": #").expect(declaration);
                let hex = match hex.len() {
                    3 => hex.chars().flat_map(|digit| [digit, digit]).collect(),
                    _ => hex.to_owned(),
                };
                let channel =
                    |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
                (name, [0, 2, 4].map(|at| f64::from(channel(at)) / 255.0))
            })
            .collect()
    }

    /// The ratio of WCAG 2.1.
    fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
        let luminance = |colour: [f64; 3]| {
            let linear = |c: f64| {
                if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
            };
            let [red, green, blue] = colour.map(linear);
            0.2126 * red + 0.7152 * green + 0.0722 * blue
        };
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn every_scheme_has_contrast() {
        let schemes: Vec<&str> = super::STYLE
            .split(":root {")
            .skip(1)
            .map(|rest| rest.split('}').next().unwrap())
            .collect();
        assert_eq!(schemes.len(), 3, "light, dark and paper");
        for scheme in schemes {
            let colours = colours(scheme);
            let of =
                |name: &str| colours.iter().find(|(known, _)| *known == name).unwrap().1;
            for text in ["ink", "soft", "link", "warn"] {
                for ground in ["paper", "tint", "warn-tint"] {
                    let ratio = contrast(of(text), of(ground));
                    assert!(ratio >= 4.5, "{text} on {ground}: {ratio}");
                }
            }
            for mark in ["dispersion", "propagation"] {
                let ratio = contrast(of(mark), of("paper"));
                assert!(ratio >= 3.0, "{mark}: {ratio}");
            }
        }
    }
}
