//! HTML pages that show hostile bytes: the frame, the style, and the parts that pages share.
//!
//! A page is one file that holds all it needs: there is no script, nothing is fetched, and a
//! content security policy says so. It reads in light and dark, on paper and on a telephone.
//! Texts are put in by `maud::html!`, which escapes them; [`page`] replaces whatever else
//! could mislead a reader. Pages are well-formed XML.

pub mod number;
mod parts;

use maud::{DOCTYPE, Markup, PreEscaped, html};
pub use parts::{Section, bytes, contents, figures, pairs, sections, table, table_of};

/// Colours, type, tables and page layout that all pages share.
const STYLE: &str = include_str!("style.css");
/// Nothing is loaded or run; only the style sheets in the page count.
const HEAD: &str = r#"<meta charset="utf-8"/>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="color-scheme" content="light dark"/>
<meta name="referrer" content="no-referrer"/>
"#;

/// A page of this title. `style` comes after the common one.
pub fn page(title: &str, style: &'static str, body: Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" xmlns="http://www.w3.org/1999/xhtml" {
            head {
                (PreEscaped(HEAD))
                title { (title) }
                style { (PreEscaped(STYLE)) (PreEscaped(style)) }
            }
            body { (body) }
        }
    };
    page.into_string().chars().map(harmless).collect()
}

/// Replaces what XML forbids, other controls, and marks that turn the direction of what
/// follows or cannot be seen: a name must not look like another.
fn harmless(character: char) -> char {
    match character {
        '\n' | '\t' => character,
        '\u{61c}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}'
        | '\u{feff}'
        | '\u{fffe}'
        | '\u{ffff}' => char::REPLACEMENT_CHARACTER,
        _ if character.is_control() => char::REPLACEMENT_CHARACTER,
        _ => character,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_becomes_text_and_the_unseen_is_replaced() {
        let hostile = "</script><img src=x onerror=alert(1)>\"'&\0\x1b\r\u{9b}\u{202e}\u{2066}\u{ffff}";
        let page = page(hostile, "", html! { p title=(hostile) { (hostile) } });
        let safe = "&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;&quot;'&amp;";
        let shown = format!("{safe}{}", "\u{fffd}".repeat(7));
        assert_eq!(page.matches(&shown).count(), 3, "{page}");
        assert!(!page.contains("<img"));
        assert!(super::page("größer ≥ 3\n\t", "", html! {}).contains("größer ≥ 3\n\t"));
    }
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
