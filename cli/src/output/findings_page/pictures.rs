//! Pictures of incidents, as SVG in the page.
//!
//! Colours come from the page's style sheet, so that one drawing serves light, dark and
//! paper. Each picture has a title and a description for screen readers, and a sentence
//! that says what it shows. A picture is about as wide as a telephone's window.

pub(super) mod axis;
pub(super) mod scatter;
pub(super) mod timeline;
pub(super) mod tree;

use maud::{Markup, html};
use wormsift::packet::Timestamp;
use wormsift_export::html::number::{duration, time_unit};

/// Width of a drawing, unless its texts need more.
const WIDTH: f64 = 380.0;
/// Width of one character, of the widest of common fonts at the size of the style sheet.
const CHARACTER: f64 = 6.7;

/// What stands around a drawing.
struct Picture<'a> {
    class: &'a str,
    title: &'a str,
    /// What it shows, as one sentence.
    caption: &'a str,
    /// How it is to be read.
    description: &'a str,
    width: f64,
}

/// A part of a drawing, of full width; the next one follows under it. Paper may break between
/// two.
struct Piece {
    height: f64,
    marks: Markup,
}

impl Picture<'_> {
    /// The figure of these pieces, with a key under them.
    fn draw(&self, pieces: &[Piece], key: &Markup) -> Markup {
        html! {
            figure class=(self.class) {
                figcaption { b { (self.title) ". " } (self.caption) }
                @for (n, piece) in pieces.iter().enumerate() {
                    @let view = format!("0 0 {} {}", px(self.width), px(piece.height));
                    @if n == 0 {
                        svg viewBox=(view) role="img" {
                            title { (self.title) }
                            desc { (self.description) }
                            (piece.marks)
                        }
                    } @else {
                        svg viewBox=(view) aria-hidden="true" { (piece.marks) }
                    }
                }
                (key)
            }
        }
    }
}

/// A text at a place.
fn label(class: &str, x: f64, y: f64, text: &str) -> Markup {
    html! { text class=(class) x=(px(x)) y=(px(y)) { (text) } }
}

/// A path of this look, if it has a length.
fn path(class: &str, drawn: &str) -> Markup {
    html! { @if !drawn.is_empty() { path class=(class) d=(drawn) {} } }
}

/// The outline of a disc.
fn disc(x: f64, y: f64, radius: f64) -> String {
    let (r, across) = (px(radius), px(2.0 * radius));
    let (left, y) = (px(x - radius), px(y));
    format!("M{left} {y}a{r} {r} 0 1 0 {across} 0a{r} {r} 0 1 0 -{across} 0z")
}

/// How wide a text is, at most.
fn text_width(text: &str) -> f64 {
    text.chars().count() as f64 * CHARACTER
}

/// A coordinate to a tenth, as short as it can be.
fn px(value: f64) -> String {
    let text = format!("{value:.1}");
    match text.strip_suffix(".0") {
        Some("-0") => "0".to_owned(),
        Some(whole) => whole.to_owned(),
        None => text,
    }
}

/// From one time to another, in seconds; negative where the other is earlier.
fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    (i128::from(to.as_nanos()) - i128::from(from.as_nanos())) as f64 / 1e9
}

/// Times after a first one, all in the unit that suits the longest, to a thousandth of it.
struct Clock {
    start: Timestamp,
    unit: f64,
    name: &'static str,
    decimals: usize,
}

impl Clock {
    fn new(start: Timestamp, end: Timestamp) -> Self {
        let span = seconds(start, end).max(0.0);
        let (unit, name) = time_unit(span);
        let whole = (span / unit).max(1.0).log10().floor() as usize;
        Self { start, unit, name, decimals: 2_usize.saturating_sub(whole).max(1) }
    }

    /// `+12.3 s`.
    fn after(&self, time: Timestamp) -> String {
        let value = seconds(self.start, time) / self.unit;
        let sign = if value < 0.0 { "−" } else { "+" };
        format!("{sign}{:.*}\u{a0}{}", self.decimals, value.abs(), self.name)
    }
}

/// How long from one time to another, for a sentence.
fn span(from: Timestamp, to: Timestamp) -> String {
    duration(seconds(from, to).max(0.0))
}

#[cfg(test)]
mod testing {
    //! What every picture must be.

    use roxmltree::{Document, Node};

    /// The place of a text, and the room that it takes.
    fn room(node: Node<'_, '_>) -> [f64; 4] {
        let at = |name| node.attribute(name).unwrap().parse::<f64>().unwrap();
        let wide = super::text_width(node.text().unwrap_or_default());
        let classes: Vec<&str> =
            node.attribute("class").unwrap_or_default().split(' ').collect();
        let left = match (classes.contains(&"end"), classes.contains(&"middle")) {
            (true, _) => at("x") - wide,
            (_, true) => at("x") - wide / 2.0,
            _ => at("x"),
        };
        [left, left + wide, at("y") - 8.0, at("y") + 2.0]
    }

    /// Checks that all is inside the view box, that no text lies on another, and that there
    /// is a title, a description and a caption. Returns all texts of the drawing.
    pub(super) fn check(figure: &str) -> Vec<String> {
        let document = Document::parse(figure).expect("well-formed XML");
        for name in ["title", "desc", "figcaption"] {
            let node = document.descendants().find(|it| it.has_tag_name(name));
            let text: String =
                node.unwrap().descendants().filter_map(|it| it.text()).collect();
            assert!(text.trim().len() > 5, "{name}: {text:?}");
        }
        let pieces = document.descendants().filter(|it| it.has_tag_name("svg"));
        let texts: Vec<String> = pieces.flat_map(check_piece).collect();
        assert!(!texts.is_empty());
        texts
    }

    fn check_piece(svg: Node<'_, '_>) -> Vec<String> {
        let view = svg.attribute("viewBox").unwrap().split(' ');
        let size: Vec<f64> = view.map(|it| it.parse().unwrap()).collect();
        let texts: Vec<_> =
            svg.descendants().filter(|it| it.has_tag_name("text")).collect();
        let rooms: Vec<[f64; 4]> = texts.iter().map(|it| room(*it)).collect();
        for (i, a) in rooms.iter().enumerate() {
            let text = texts[i].text();
            let across = a[0] >= -0.1 && a[1] <= size[2] + 0.1;
            assert!(
                across && a[2] >= 0.0 && a[3] <= size[3],
                "{text:?} {a:?} in {size:?}"
            );
            for (j, b) in rooms.iter().enumerate().skip(i + 1) {
                let apart = a[1] <= b[0] || b[1] <= a[0] || a[3] <= b[2] || b[3] <= a[2];
                assert!(apart, "{text:?} {a:?} on {:?} {b:?}", texts[j].text());
            }
        }
        for node in svg.descendants().filter(|it| it.has_tag_name("path")) {
            for [x, y] in starts(node.attribute("d").unwrap()) {
                let inside = (0.0..=size[2]).contains(&x) && (0.0..=size[3]).contains(&y);
                assert!(inside, "{x} {y} in {size:?}");
            }
        }
        texts.iter().map(|it| it.text().unwrap_or_default().to_owned()).collect()
    }

    /// Where the parts of a path begin.
    pub(super) fn starts(path: &str) -> Vec<[f64; 2]> {
        let number = |text: &str| {
            let end = text.find(|c: char| !"0123456789.-".contains(c));
            text[..end.unwrap_or(text.len())].parse::<f64>().unwrap()
        };
        let parts = path.split('M').skip(1).map(|part| {
            let (x, rest) = part.split_once(' ').unwrap();
            [number(x), number(rest)]
        });
        parts.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_in_one_unit() {
        let at = |seconds: f64| Timestamp::from_nanos((seconds * 1e9) as u64);
        let clock = Clock::new(at(100.0), at(112.5));
        assert_eq!(clock.after(at(103.25)), "+3.2\u{a0}s");
        assert_eq!(clock.after(at(99.0)), "−1.0\u{a0}s");
        let clock = Clock::new(at(0.0), at(600.0));
        assert_eq!(clock.after(at(90.0)), "+1.5\u{a0}min");
        assert_eq!(Clock::new(at(5.0), at(5.0)).after(at(5.0)), "+0.00\u{a0}s");
    }
}
