//! The natural order of names: runs of digits compare as numbers, so that `x.pcap2` comes
//! before `x.pcap10`.
//!
//! A total order: names that differ only in leading zeros fall back to their bytes.

use std::cmp::Ordering;
use std::path::Path;

/// Compares two paths, component by component.
pub(super) fn compare(a: &Path, b: &Path) -> Ordering {
    let part = |path: &Path| -> Vec<Vec<u8>> {
        path.components()
            .map(|part| part.as_os_str().as_encoded_bytes().to_vec())
            .collect()
    };
    let (left, right) = (part(a), part(b));
    let differ = left.iter().zip(&right).map(|(a, b)| names(a, b));
    differ
        .into_iter()
        .find(|order| order.is_ne())
        .unwrap_or_else(|| left.len().cmp(&right.len()).then_with(|| left.cmp(&right)))
}

/// Compares two names.
fn names(a: &[u8], b: &[u8]) -> Ordering {
    let (mut left, mut right) = (a, b);
    loop {
        let order = match (left.first(), right.first()) {
            (None, None) => return a.cmp(b),
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let (x, y) = (take_number(&mut left), take_number(&mut right));
                // Without leading zeros the longer number is the larger one.
                x.len().cmp(&y.len()).then_with(|| x.cmp(y))
            }
            (Some(x), Some(y)) => {
                (left, right) = (&left[1..], &right[1..]);
                x.cmp(y)
            }
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// Takes the digits at the start of a name, leading zeros left out.
fn take_number<'a>(name: &mut &'a [u8]) -> &'a [u8] {
    let end = name.iter().position(|c| !c.is_ascii_digit()).unwrap_or(name.len());
    let (digits, rest) = name.split_at(end);
    *name = rest;
    let zeros = digits.iter().take_while(|&&c| c == b'0').count();
    &digits[zeros..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_count_as_numbers() {
        let sorted = [
            "a/x.pcap",
            "a/x.pcap0",
            "a/x.pcap1",
            "a/x.pcap01",
            "a/x.pcap2",
            "a/x.pcap10",
            "a/x.pcap99999999999999999999998",
            "a/x.pcap99999999999999999999999",
            "a2/1.pcap",
            "a10/0.pcap",
            "b",
        ];
        let mut shuffled = sorted;
        shuffled.reverse();
        shuffled.sort_by(|a, b| compare(Path::new(a), Path::new(b)));
        // Equal numbers fall back to their bytes: `01` before `1`.
        let mut expected = sorted;
        expected.swap(2, 3);
        assert_eq!(shuffled, expected);
        for a in sorted {
            for b in sorted {
                let (a, b) = (Path::new(a), Path::new(b));
                assert_eq!(compare(a, b), compare(b, a).reverse());
                assert_eq!(compare(a, b).is_eq(), a == b);
            }
        }
    }
}
