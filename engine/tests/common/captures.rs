//! Folders of captures: small ones that the generators make, everywhere, and beside them
//! the real ones, where those are.

use super::Random;
use super::environment;
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use wormsift_corpora::frame_builder::{Datagram, FrameBuilder, Transport};
use wormsift_corpora::pcap_writer::{FrameWriter, PcapWriter};
use wormsift_corpora::{CaptureFile, GenerateOptions, generate};

/// `benign`, `attack`, `silent` or `malformed`: what was made, then what is real.
pub(crate) fn folders(name: &str) -> impl Iterator<Item = PathBuf> {
    [made().join(name)].into_iter().chain(environment::captures(name))
}

/// What the captures of two days in `attack` have in common.
pub(crate) const EXPLOIT: &[u8] = b"/Command/Base64/cGluZyAtYyAxMCAxLjEuMS4x";

/// The folder of what was made, once in a run.
fn made() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("captures");
        // What an earlier build made would be read as well.
        let _ = fs::remove_dir_all(&root);
        for (folder, scenarios) in [
            ("benign", ["flash-crowd", "mailing-list", "cdn-certificates"]),
            ("silent", ["reflection", "zero-padding", "ping-monitoring"]),
        ] {
            fs::create_dir_all(root.join(folder)).unwrap();
            for name in scenarios {
                scenario(name, &root.join(folder).join(format!("{name}.pcapng")));
            }
        }
        fs::create_dir_all(root.join("attack")).unwrap();
        for day in 0..2 {
            let path = root.join(format!("attack/day-{day}.pcap"));
            fs::write(path, exploits(day)).unwrap();
        }
        let whole = fs::read(root.join("benign/flash-crowd.pcapng")).unwrap();
        let mut damaged = whole.clone();
        damaged[whole.len() / 2..][..64].fill(0xff);
        fs::create_dir_all(root.join("malformed")).unwrap();
        for (name, bytes) in [
            ("cut", &whole[..whole.len() / 3]),
            ("damaged", &damaged),
            ("text", b"no capture at all, only words in a file"),
        ] {
            fs::write(root.join(format!("malformed/{name}.pcapng")), bytes).unwrap();
        }
        root
    })
}

fn scenario(name: &str, path: &Path) {
    let options = GenerateOptions { packets: Some(6_000), ..GenerateOptions::default() };
    let mut file = CaptureFile::create(path, CaptureFile::DEFAULT_LEVEL).unwrap();
    generate(name, 1, &options, &mut file).unwrap();
    file.finish().unwrap();
}

/// Two attackers of a day, each at two servers, with words of their own around the exploit.
fn exploits(day: u32) -> Vec<u8> {
    let mut random = Random(u64::from(day));
    let mut file = PcapWriter::new(Vec::new()).unwrap();
    for n in 0..4 {
        let host = |net: u32, n: u32| Ipv4Addr::from(net + 2 * day + n).into();
        let payload = [&random.bytes(60)[..], EXPLOIT, &random.bytes(60)].concat();
        let datagram = Datagram {
            source: host(0xc633_6400, n / 2),
            destination: host(0xcb00_7100, n % 2),
            hop_limit: 64,
            identification: 0,
            transport: Transport::Udp { source_port: 40_000, destination_port: 1_389 },
            payload: &payload,
        };
        let mut frame = Vec::new();
        FrameBuilder::default().frame(&datagram, &mut frame);
        let seconds = 1_700_000_000 + 86_400 * 3 / 2 * u64::from(day) + u64::from(n);
        file.write_frame(seconds * 1_000_000_000, &frame).unwrap();
    }
    file.into_inner()
}
