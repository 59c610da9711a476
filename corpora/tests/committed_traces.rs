//! The committed traces are those that the code makes.
//!
//! After a wanted change: `cargo run --release -p wormsift-corpora --example
//! write_traces`.

use std::path::Path;

use wormsift_corpora::{GenerateOptions, GroundTruth, PcapngWriter, generate};

#[test]
fn the_outbreak_is_regenerated_to_the_byte() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("traces");
    let compressed = std::fs::read(folder.join("outbreak.pcapng.zst")).unwrap();
    let text = std::fs::read_to_string(folder.join("outbreak.truth.json")).unwrap();
    let mut writer = PcapngWriter::new(Vec::new()).unwrap();
    let truth =
        generate("outbreak", 1, &GenerateOptions::default(), &mut writer).unwrap();
    let capture = zstd::decode_all(&compressed[..]).unwrap();
    assert!(capture == writer.into_inner(), "the capture differs");
    assert_eq!(text, truth.to_json().unwrap());
    assert_eq!(GroundTruth::from_json(&text).unwrap(), truth);

    assert!(compressed.len() < 1_500_000, "{} bytes", compressed.len());
    assert!(truth.infections.len() >= 60);
    let minutes = (truth.last_packet_ns - truth.first_packet_ns) / 60_000_000_000;
    assert!((1..10).contains(&minutes));
}
