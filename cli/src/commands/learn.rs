//! `wormsift learn`: benign captures in, the keys of their content out.

use crate::args::LearnArgs;
use crate::args::limits::check_bytes;
use crate::args::settings::Settings;
use crate::input::baseline;
use crate::input::inputs;
use crate::input::selection;
use crate::input::signals::Signals;
use crate::output::exit_code::{Exit, Failure};
use crate::output::output_file::OutputFiles;
use crate::output::rules;
use crate::output::talk::Talk;
use wormsift::pipeline::{Baseline, Sensor};
use wormsift_capture::Input;
use wormsift_export::text::counted;
use wormsift_run::Selection;
use wormsift_run::reader::{self, Reader, Wait};

pub(super) fn run(args: &LearnArgs, talk: &mut Talk) -> Result<Exit, Failure> {
    let config = Settings::new(&args.settings)?.config;
    selection::explain_home_net(&args.settings, &args.selection, talk);
    if args.size.0 == 0 {
        return Err(Failure::usage("--size: expected at least 1B, found 0B"));
    }
    check_bytes(args.size.0, || "--size: the baseline".to_owned())?;
    let size = usize::try_from(args.size.0).map_err(Failure::usage)?;
    let captures = inputs::find(&args.captures, talk);
    OutputFiles::default()
        .add("--output", Some(args.output.as_path()))
        .check(captures.inputs.iter().map(Input::name))?;
    let mut baseline = Baseline::new(&config, size, args.false_positive_rate);
    for path in &args.baseline {
        let other = baseline::read(path, &config)?;
        baseline.merge(&other).map_err(|error| Failure::of(path.display(), error))?;
    }
    let signals = Signals::new()?;
    let pool = args.run.pool()?;
    let selection = Selection::new(args.selection.choice(), &config);
    let mut damaged = captures.missing > 0;
    let mut sensor = Sensor::new(config).map_err(Failure::usage)?;
    sensor.keep_decisions();
    talk.show_progress();
    let batches = args.run.batch.unwrap_or_default();
    let reader = Reader::start(captures.inputs, selection, batches)?;
    loop {
        // Half a baseline would stand for the whole: none is written.
        if let Some(signal) = signals.caught() {
            return Ok(Exit::Signal(signal));
        }
        let read = match reader.next(reader::PATIENCE)? {
            Wait::Read(read) => read,
            Wait::NotYet => continue,
            Wait::Ended => break,
        };
        if let Some(batch) = read.batch.filter(|batch| !batch.is_empty()) {
            pool.install(|| sensor.sift(&batch));
        }
        baseline.learn_from(&mut sensor, args.sightings);
        read.damage.iter().for_each(|line| talk.error(line));
        damaged |= !read.damage.is_empty();
        read.disorder.iter().for_each(|line| talk.warning(line));
        talk.progress().at(read.progress.position, read.progress.total);
    }
    talk.end_progress();
    let keys = baseline.keys();
    if keys.refused() > 0 {
        talk.warning(format_args!(
            "the baseline is full: {} times a content was not taken in ({} hold {} contents at a \
             false positive rate of {:e}); give a larger --size or more --sightings",
            keys.refused(),
            args.size,
            keys.capacity(),
            args.false_positive_rate,
        ));
    }
    // Only merging goes beyond it.
    if keys.len() > keys.capacity() + keys.capacity() / 64 {
        talk.warning(format_args!(
            "{} contents are more than the {} that {} hold at a false positive rate of {:e}: one \
             unknown content in {:.0} is now taken for a known one; give a larger --size or more \
             --sightings",
            keys.len(),
            keys.capacity(),
            args.size,
            args.false_positive_rate,
            1.0 / keys.false_positive_rate()
        ));
    }
    rules::replace(&args.output, &baseline.write())?;
    talk.answer(format_args!(
        "{}: {}, room for {}",
        args.output.display(),
        counted(keys.len() as u64, "content"),
        keys.capacity()
    ));
    Ok(if damaged { Exit::Damaged } else { Exit::Done })
}
