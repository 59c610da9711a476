//! Where the truth about a capture lies.

use std::path::{Path, PathBuf};

/// `day.pcapng.zst` has its truth in `day.truth.json`.
pub fn truth_beside(capture: &Path) -> PathBuf {
    let name = capture.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.strip_suffix(".zst").unwrap_or(&name);
    let stem =
        stem.strip_suffix(".pcapng").or(stem.strip_suffix(".pcap")).unwrap_or(stem);
    capture.with_file_name(format!("{stem}.truth.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_truth_lies_beside_the_capture() {
        for (capture, truth) in [
            ("a/day.pcapng.zst", "a/day.truth.json"),
            ("day.pcap", "day.truth.json"),
            ("day.2.pcapng", "day.2.truth.json"),
            ("day", "day.truth.json"),
        ] {
            assert_eq!(truth_beside(Path::new(capture)), Path::new(truth));
        }
    }
}
