//! Colours, or none, for text on a terminal.

/// Whether text is painted.
#[derive(Clone, Copy, Debug)]
pub struct Palette(pub bool);

/// The few paints in use: those that every terminal has.
#[derive(Clone, Copy, Debug)]
pub enum Paint {
    /// What leads.
    Bold,
    /// What stands back.
    Dim,
    /// What is wrong.
    Red,
    /// What may be wrong.
    Yellow,
}

impl Palette {
    /// Text in this paint, if text is painted.
    pub fn paint(self, paint: Paint, text: &str) -> String {
        let code = match paint {
            Paint::Bold => 1,
            Paint::Dim => 2,
            Paint::Red => 31,
            Paint::Yellow => 33,
        };
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
