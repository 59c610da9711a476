//! The packets that show a signature, as a capture: `--write-evidence`.

use crate::input::inputs::Source;
use crate::input::signals::Signals;
use crate::output::exit_code::Failure;
use std::path::Path;
use wormsift::signature::Signature;
use wormsift_run::evidence;

/// Refuses what cannot be read twice.
pub(crate) fn check(sources: &[Source]) -> Result<(), Failure> {
    match sources.iter().any(|source| source.arguments.iter().any(|it| it == "-")) {
        true => Err(Failure::usage(
            "--write-evidence reads the captures a second time: expected files, found `-`",
        )),
        false => Ok(()),
    }
}

/// Copies the first and the sampled packets of `signatures` to a new capture, and says how many there
/// are.
pub(crate) fn write(
    path: &Path,
    sources: &[Source],
    signatures: &[Signature],
    signals: &Signals,
) -> Result<usize, Failure> {
    let inputs = sources.iter().flat_map(|it| wormsift_capture::inputs(&it.arguments).0);
    let stops = || signals.caught().is_some();
    evidence::write(path, inputs.collect(), signatures, stops)
        .map_err(|error| Failure::of(path.display(), error))
}
