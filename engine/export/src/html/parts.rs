//! Parts that pages share.

use crate::text::printable;
use maud::{Markup, Render, html};

/// A part of a page with a heading, to which the contents lead.
pub struct Section {
    /// Its anchor.
    pub id: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// What stands under the heading.
    pub content: Markup,
}

/// Links to the sections, in one line.
pub fn contents(sections: &[Section]) -> Markup {
    html! {
        nav aria-label="Contents" {
            @for section in sections { a href={ "#" (section.id) } { (section.title) } " " }
        }
    }
}

/// The sections, one after the other.
pub fn sections(sections: &[Section]) -> Markup {
    html! {
        main {
            @for section in sections {
                section id=(section.id) { h2 { (section.title) } (section.content) } "\n"
            }
        }
    }
}

/// Headline numbers: of each its name, its value, and what is smaller under it.
pub fn figures<N: Render, V: Render, D: Render>(
    all: impl IntoIterator<Item = (N, V, D)>,
) -> Markup {
    html! {
        dl.headline {
            @for (name, value, detail) in all {
                div { dt { (name) } dd { b { (value) } small { (detail) } } }
            }
        }
    }
}

/// Names and values side by side.
pub fn pairs<N: Render, V: Render>(all: impl IntoIterator<Item = (N, V)>) -> Markup {
    html! { dl.setting { @for (name, value) in all { dt { (name) } dd { (value) } } } }
}

/// A table with one row of headings, of which those that begin with `#` stand over numbers.
pub fn table(class: &str, caption: &str, headings: &[&str], body: Markup) -> Markup {
    let head = html! {
        tr {
            @for name in headings {
                @match name.strip_prefix('#') {
                    Some(name) => th.n scope="col" { (name) },
                    None => th scope="col" { (name) },
                }
            }
        }
    };
    table_of(class, caption, head, body)
}

/// A table in a box that scrolls by itself when the window is narrow.
pub fn table_of(class: &str, caption: &str, head: Markup, body: Markup) -> Markup {
    html! {
        div.scroll role="region" tabindex="0" aria-label=(caption) {
            table class=(class) { caption { (caption) } thead { (head) } (body) }
        }
    }
}

/// Sixteen bytes a line: offset, hexadecimal, printable ASCII; at most so many bytes.
pub fn bytes(bytes: &[u8], most: usize) -> Markup {
    let mut dump = String::new();
    for (line, chunk) in bytes[..bytes.len().min(most)].chunks(16).enumerate() {
        let hex: Vec<String> =
            chunk.chunks(8).map(|half| crate::text::hex(half, " ")).collect();
        dump +=
            &format!("{:04x}  {:48}  {}\n", line * 16, hex.join("  "), printable(chunk));
    }
    if bytes.len() > most {
        let more = crate::text::counted((bytes.len() - most) as u64, "byte");
        dump += &format!("and {more} more\n");
    }
    html! { pre { (dump.trim_end_matches('\n')) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dumps_align() {
        let dump = bytes(b"GET / HTTP/1.1\r\n\xff<>", 18).into_string();
        let expected = format!(
            "<pre>0000  47 45 54 20 2f 20 48 54  54 50 2f 31 2e 31 0d 0a  GET / HTTP/1.1..\n\
             0010  ff 3c{}.&lt;\nand 1 byte more</pre>",
            " ".repeat(45)
        );
        assert_eq!(dump, expected);
    }

    #[test]
    fn headings_over_numbers_are_marked() {
        let table = table("plain", "a \"b\"", &["#A", "B"], html! { tbody {} });
        assert_eq!(
            table.into_string(),
            "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"a &quot;b&quot;\">\
             <table class=\"plain\"><caption>a &quot;b&quot;</caption><thead><tr>\
             <th class=\"n\" scope=\"col\">A</th><th scope=\"col\">B</th></tr></thead>\
             <tbody></tbody></table></div>"
        );
    }
}
