//! Compilers, and the library that programs are linked with.

#[path = "../../../tests/common/environment.rs"]
pub(crate) mod environment;

use engine::packet::LinkType;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use wormsift_capture::{Input, Limits, Trace};
use wormsift_corpora::{Carriage, Outbreak};

/// The folder of the C interface.
pub(crate) fn capi() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A C or C++ compiler of this machine.
pub(crate) struct Compiler(&'static str);

const STRICT: [&str; 4] = ["-Wall", "-Wextra", "-Werror", "-pedantic"];

impl Compiler {
    /// `None` after saying that the test is skipped.
    pub(crate) fn find(name: &'static str) -> Option<Self> {
        environment::has(name).then_some(Self(name))
    }

    fn is_cpp(&self) -> bool {
        self.0 == "c++"
    }

    fn command(&self) -> Command {
        let mut command = Command::new(self.0);
        command.args(STRICT).arg("-I").arg(capi().join("include"));
        command
    }

    /// Compiles a text without a complaint.
    pub(crate) fn check(&self, standard: &str, text: &str) {
        let folder = tempfile::tempdir().expect("a folder");
        let source = folder.path().join(if self.is_cpp() { "it.cpp" } else { "it.c" });
        fs::write(&source, text).expect("a file");
        let mut command = self.command();
        command.arg(format!("-std={standard}")).arg("-fsyntax-only").arg(&source);
        expect_silence(&mut command);
    }

    /// Compiles one source file and links it with the library.
    pub(crate) fn program(&self, source: &Path, into: &Path) -> PathBuf {
        let name = source.file_stem().expect("a source file");
        let program = into.join(name);
        let mut command = self.command();
        let standard = if self.is_cpp() { "-std=c++11" } else { "-std=c99" };
        command.args([standard, "-g", "-O1", "-pthread"]).arg(source);
        command.arg("-o").arg(&program).arg("-L").arg(library());
        command.arg("-lwormsift").arg(format!("-Wl,-rpath,{}", library().display()));
        expect_silence(&mut command);
        program
    }
}

fn expect_silence(command: &mut Command) {
    let output = command.output().expect("the compiler runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{command:?}\n{said}");
}

/// The folder of `libwormsift.so`, built once, under the name that programs ask for.
pub(crate) fn library() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo)
            .args(["build", "--lib", "--message-format=json", "--manifest-path"])
            .arg(capi().join("Cargo.toml"))
            .output()
            .expect("cargo runs");
        let said = String::from_utf8_lossy(&built.stderr).into_owned();
        assert!(built.status.success(), "{said}");
        let messages = String::from_utf8_lossy(&built.stdout).into_owned();
        let file = messages
            .split('"')
            .find(|word| word.ends_with("/libwormsift.so"))
            .unwrap_or_else(|| panic!("no library in {messages}"));
        let file = PathBuf::from(file);
        let folder = file.parent().expect("a folder").to_owned();
        // Under its SONAME, too, which is what the loader looks for.
        let version = env!("CARGO_PKG_VERSION").split('.').collect::<Vec<_>>();
        let soname = match version[..] {
            ["0", minor, ..] => format!("libwormsift.so.0.{minor}"),
            [major, ..] => format!("libwormsift.so.{major}"),
            [] => unreachable!("a version has numbers"),
        };
        let link = folder.join(soname);
        if fs::read_link(&link).is_err() {
            // Another test process may be quicker.
            let _ = std::os::unix::fs::symlink("libwormsift.so", &link);
        }
        folder
    })
}

/// Runs a program and gives what it printed, if it ended well.
pub(crate) fn run(command: &mut Command) -> String {
    let output: Output = command.output().expect("the program runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{said}", output.status);
    String::from_utf8(output.stdout).expect("text")
}

/// Little-endian pcap, nanoseconds, Ethernet.
fn pcap(frames: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_3c4d_u32, 0x0004_0002, 0, 0, 262_144, 1] {
        file.extend(word.to_le_bytes());
    }
    for (time, frame) in frames {
        let seconds = (time / 1_000_000_000) as u32;
        let nanos = (time % 1_000_000_000) as u32;
        let length = frame.len() as u32;
        for word in [seconds, nanos, length, length] {
            file.extend(word.to_le_bytes());
        }
        file.extend(frame);
    }
    file
}

/// An outbreak carried in a way, as a file in a folder.
pub(crate) fn outbreak(carriage: &str, folder: &Path) -> PathBuf {
    let trace = Outbreak::new(5)
        .carriage(carriage.parse::<Carriage>().expect("a carriage"))
        .background_hosts(20)
        .infected(60)
        .trace()
        .expect("an outbreak");
    let path = folder.join(format!("{}.pcap", carriage.replace(':', "-")));
    fs::write(&path, pcap(&trace.frames)).expect("a file");
    path
}

/// Both ends of a content spread by themselves, and then all of it: datagrams of Ethernet
/// and IPv4 between hosts that pass them on.
pub(crate) fn ends_and_whole(folder: &Path) -> PathBuf {
    let mut noise = 1_u32;
    let body: Vec<u8> = std::iter::repeat_with(|| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (noise >> 24) as u8
    })
    .take(1_000)
    .collect();
    let mut frames = Vec::new();
    for step in 0..180_u64 {
        let shown = [&body[..300], &body[600..], &body[..]][step as usize / 60];
        let (from, to) = (step as u8 / 3, step as u8 / 3 + 1 + step as u8 % 3 * 80);
        let mut frame = [[2_u8; 12].as_slice(), &[8, 0]].concat();
        let word = |value: usize| (value as u16).to_be_bytes();
        frame.extend([0x45, 0]);
        frame.extend(word(28 + shown.len()));
        frame.extend([0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, from, 10, 0, 0, to]);
        frame.extend([word(4_444), word(4_444), word(8 + shown.len())].concat());
        frame.extend([0, 0]);
        frame.extend(shown);
        frames.push((1_700_000_000_000_000_000 + step * 100_000_000, frame));
    }
    let path = folder.join("parts.pcap");
    fs::write(&path, pcap(&frames)).expect("a file");
    path
}

/// The recorded outbreak of the corpora, as a file that the C host reads.
pub(crate) fn recorded(folder: &Path) -> PathBuf {
    let source = capi().join("../../corpora/traces/outbreak.pcapng.zst");
    let mut trace = Trace::open(vec![Input::path(&source)]);
    let mut frames = Vec::new();
    while let Some(batch) = trace.next_batch(Limits::default()) {
        for frame in batch.frames() {
            assert_eq!(frame.link, LinkType::ETHERNET);
            assert_eq!(frame.original_len as usize, frame.data.len());
            frames.push((frame.time.as_nanos(), frame.data.to_vec()));
        }
    }
    assert!(frames.len() > 1_000 && trace.damage().is_empty());
    let path = folder.join("recorded.pcap");
    fs::write(&path, pcap(&frames)).expect("a file");
    path
}
