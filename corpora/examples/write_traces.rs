//! Makes every file of `corpora/traces` anew, seed 1, default options:
//! `cargo run --release -p wormsift-corpora --example write_traces`.

use std::error::Error;
use std::path::Path;

use wormsift_corpora::{CaptureFile, GenerateOptions, generate};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("traces");
    let name = "outbreak";
    let path = folder.join(format!("{name}.pcapng.zst"));
    let mut file = CaptureFile::create(&path, 19)?;
    let truth = generate(name, 1, &GenerateOptions::default(), &mut file)?;
    file.finish()?;
    std::fs::write(folder.join(format!("{name}.truth.json")), truth.to_json()?)?;
    println!(
        "{}: {} packets, {} hosts infected, {} bytes",
        path.display(),
        truth.packets,
        truth.infections.len(),
        std::fs::metadata(&path)?.len()
    );
    Ok(())
}
