//! A writer of well-formed HTML in which text never becomes markup.
//!
//! Elements are closed by whoever opens them, and texts and attributes are always
//! escaped, so the page is well-formed XML whatever is put into it.

use super::escape::escape;

/// Names and values of an element's attributes.
pub type Attributes<'a> = &'a [(&'static str, &'a str)];

/// A document under construction.
#[derive(Default)]
pub struct Markup {
    out: String,
    last_id: usize,
}

impl Markup {
    /// An element with others inside.
    pub fn element(
        &mut self,
        name: &'static str,
        attributes: Attributes,
        content: impl FnOnce(&mut Self),
    ) {
        self.open(name, attributes);
        self.out.push('>');
        content(self);
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
        if ends_line(name) {
            self.out.push('\n');
        }
    }

    /// An element that holds text only.
    pub fn leaf(&mut self, name: &'static str, attributes: Attributes, text: &str) {
        self.element(name, attributes, |inside| inside.text(text));
    }

    /// An element that holds nothing.
    pub fn empty(&mut self, name: &'static str, attributes: Attributes) {
        self.open(name, attributes);
        self.out.push_str("/>");
    }

    /// Text.
    pub fn text(&mut self, text: &str) {
        self.out.push_str(&escape(text));
    }

    /// The style sheet, as it is: one of the program's own files.
    pub fn style(&mut self, own: &'static str) {
        self.element("style", &[], |inside| inside.out.push_str(own));
    }

    /// An id that no other element has.
    pub fn fresh_id(&mut self) -> String {
        self.last_id += 1;
        format!("i{}", self.last_id)
    }

    /// The whole page.
    pub fn finish(self) -> String {
        format!("<!DOCTYPE html>\n{}", self.out)
    }

    fn open(&mut self, name: &'static str, attributes: Attributes) {
        self.out.push('<');
        self.out.push_str(name);
        for (attribute, value) in attributes {
            self.out.push(' ');
            self.out.push_str(attribute);
            self.out.push_str("=\"");
            self.out.push_str(&escape(value));
            self.out.push('"');
        }
    }
}

/// Lines of readable length, where white space means nothing.
fn ends_line(name: &str) -> bool {
    matches!(
        name,
        "head" | "style" | "section" | "p" | "tr" | "figure" | "svg" | "h1" | "h2" | "h3"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_nest_and_escape() {
        let mut page = Markup::default();
        page.element("td", &[("class", "a\"b")], |cell| {
            cell.text("1 < 2");
            cell.empty("br", &[]);
            cell.leaf("b", &[], "&");
        });
        let text = page.finish();
        assert_eq!(
            text,
            "<!DOCTYPE html>\n<td class=\"a&quot;b\">1 &lt; 2<br/><b>&amp;</b></td>"
        );
    }

    #[test]
    fn ids_differ() {
        let mut page = Markup::default();
        assert_ne!(page.fresh_id(), page.fresh_id());
    }
}
