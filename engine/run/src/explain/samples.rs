//! A signature's samples, with the payload around the content.
//!
//! Rows are aligned at the content, so that one sample's row stands for the same bytes as
//! another's. Payload bytes are hostile: none reaches the terminal but printable ASCII.

use super::trail::Trail;
use crate::palette::{Paint, Palette};
use crate::words::{moment, shown};
use std::fmt::Write as _;
use wormsift::signature::Signature;

/// Samples that are shown.
const SAMPLES: usize = 4;
/// Bytes of a row.
const ROW: i64 = 16;
/// Rows of context on either side.
const CONTEXT: i64 = 2;
/// Rows of content that the first sample shows, and the others.
const ROWS: [i64; 2] = [64, 1];
/// Bytes by which a content that is not there whole is found.
const ANCHOR: usize = 16;

pub(super) fn write(
    text: &mut String,
    signature: &Signature,
    trail: &Trail,
    palette: Palette,
) {
    let content = &signature.content;
    let seen = signature.samples.iter().filter_map(|sample| {
        let payload = trail.payload(sample.packet)?;
        Some((sample, payload, origin(content, payload)?))
    });
    for (index, (sample, payload, origin)) in seen.take(SAMPLES).enumerate() {
        let title = format!(
            "packet {} at {}: {} port {} to {} port {}, content at byte {origin}",
            sample.packet,
            moment(sample.time),
            sample.source,
            sample.source_port,
            sample.destination,
            sample.destination_port,
        );
        let _ = writeln!(text, "\n   {}", palette.paint(Paint::Bold, &title));
        dump(text, content.len(), payload, origin, ROWS[index.min(1)], palette);
    }
}

/// Where the content begins in the payload: negative where it began in an earlier segment.
fn origin(content: &[u8], payload: &[u8]) -> Option<i64> {
    let find =
        |part: &[u8]| payload.windows(part.len()).position(|window| window == part);
    if content.len() <= payload.len()
        && let Some(at) = find(content)
    {
        return Some(at as i64);
    }
    let anchors =
        content.windows(ANCHOR.min(content.len().max(1))).enumerate().step_by(8);
    anchors.filter_map(|(at, part)| Some(find(part)? as i64 - at as i64)).next()
}

/// Rows from before the content to behind it; `>` marks those with content in them.
fn dump(
    text: &mut String,
    length: usize,
    payload: &[u8],
    origin: i64,
    most: i64,
    palette: Palette,
) {
    let length = length as i64;
    let last = (length + ROW - 1) / ROW;
    let mut row = -CONTEXT;
    while row < last + CONTEXT {
        if row == most && last > most + 1 {
            let skipped = (last - 1 - most) * ROW;
            let _ = writeln!(text, "      ... {skipped} bytes of the content");
            row = last - 1;
        }
        line(text, length, payload, origin, row * ROW, palette);
        row += 1;
    }
}

fn line(
    text: &mut String,
    length: i64,
    payload: &[u8],
    origin: i64,
    from: i64,
    palette: Palette,
) {
    let byte = |at: i64| usize::try_from(origin + at).ok().and_then(|i| payload.get(i));
    if !(from..from + ROW).any(|at| byte(at).is_some()) {
        return;
    }
    let (mut hex, mut ascii) = (String::new(), String::new());
    for at in from..from + ROW {
        let inside = (0..length).contains(&at);
        let (digits, sign) = match byte(at) {
            Some(byte) => (format!("{byte:02x}"), shown(&[*byte], 1)),
            None => ("  ".to_owned(), " ".to_owned()),
        };
        let painted = |part: &str| match inside {
            true => palette.paint(Paint::Bold, part),
            false => palette.paint(Paint::Dim, part),
        };
        let gap = if (at - from) % 8 == 0 { "  " } else { " " };
        hex.push_str(gap);
        hex.push_str(&painted(&digits));
        ascii.push_str(&painted(&sign));
    }
    let mark = if from + ROW > 0 && from < length { '>' } else { ' ' };
    let _ = writeln!(text, "   {mark} {from:>6}{hex}  |{ascii}|");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_aligned_at_the_content_and_show_what_is_around_it() {
        let content = b"the content, which is twenty-nine";
        let payload = [b"before:", &content[..], b"\x1b[2Jafter"].concat();
        assert_eq!(origin(content, &payload), Some(7));
        // Begun in an earlier segment.
        assert_eq!(origin(content, &payload[17..]), Some(-10));
        assert_eq!(origin(content, b"nothing of it"), None);
        assert_eq!(origin(b"short", b"no"), None);
        let mut text = String::new();
        dump(&mut text, content.len(), &payload, 7, 64, Palette(false));
        let rows: Vec<&str> = text.lines().collect();
        assert_eq!(rows.len(), 4, "{text}");
        assert!(
            rows[0].contains("62 65 66 6f 72 65 3a") && rows[0].ends_with("before:|")
        );
        assert!(rows[1].starts_with("   >      0  74 68 65 20"), "{text}");
        assert!(rows[3].ends_with("|e.[2Jafter      |"), "{text}");
        assert!(!text.contains('\x1b'));
    }

    #[test]
    fn long_content_is_cut_in_the_middle() {
        let payload = vec![7; 16 * 100];
        let mut text = String::new();
        dump(&mut text, payload.len(), &payload, 0, 1, Palette(false));
        assert!(text.contains("... 1568 bytes of the content"), "{text}");
        assert_eq!(text.lines().count(), 3, "{text}");
    }
}
