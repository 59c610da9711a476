//! What a live sensor shows of itself.

use super::board::Snapshot;
use super::{metrics, page};
use crate::status::Shown;

impl Shown for Snapshot {
    fn page(&self) -> String {
        page::render(self)
    }

    fn metrics(&self) -> String {
        metrics::render(self)
    }

    fn trouble(&self) -> Option<String> {
        let text = match self.interfaces.len() {
            1 => "the interface is down",
            _ => "no interface is up",
        };
        self.is_down().then(|| text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use crate::live::samples;
    use crate::live::taps::State;
    use crate::status::Shown;

    #[test]
    fn health_ends_with_the_last_interface() {
        let mut snapshot = samples::snapshot();
        snapshot.interfaces = vec![
            samples::interface("tap0", State::Down),
            samples::interface("tap1", State::Up),
            samples::interface("tap2", State::Gone),
        ];
        assert_eq!(snapshot.trouble(), None);
        snapshot.interfaces.remove(1);
        assert_eq!(snapshot.trouble().as_deref(), Some("no interface is up"));
    }
}
