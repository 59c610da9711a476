//! An interface that frames are read from.

#[cfg(feature = "pcap")]
use crate::args::PcapArgs;
use crate::args::RingArgs;
use crate::output::exit_code::Failure;
use std::fs;
use std::num::NonZero;
use std::path::Path;
use wormsift_capture::live::{
    BpfProgram, LiveBatch, LiveCounters, LiveError, LiveSettings, Rings, Waited,
};
#[cfg(feature = "pcap")]
use wormsift_capture::live::{Library, LibrarySettings};

/// How interfaces are read.
#[derive(Clone, Copy)]
pub(crate) struct Capturing<'a> {
    /// Rings of each.
    pub(crate) rings: NonZero<usize>,
    pub(crate) args: &'a RingArgs,
    #[cfg(feature = "pcap")]
    pub(crate) pcap: &'a PcapArgs,
}

/// An interface that is open.
pub(super) struct Tap {
    name: String,
    source: Source,
}

enum Source {
    /// Packet sockets of the kernel.
    Rings(Rings),
    /// libpcap.
    #[cfg(feature = "pcap")]
    Library(Library),
}

impl Tap {
    /// Opens the interface of this name as the arguments say.
    pub(super) fn open(how: Capturing<'_>, name: &str) -> Result<Self, Failure> {
        Ok(Self { name: name.to_owned(), source: Source::open(how, name)? })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Bytes of memory that frames come in through.
    pub(super) fn memory_bytes(&self) -> usize {
        match &self.source {
            Source::Rings(rings) => rings.memory_bytes(),
            #[cfg(feature = "pcap")]
            Source::Library(library) => library.memory_bytes(),
        }
    }

    /// Lets only this through from now on. libpcap has its own expression instead.
    pub(super) fn set_filter(&self, program: &BpfProgram) -> Result<(), LiveError> {
        match &self.source {
            Source::Rings(rings) => rings.set_filter(Some(program)),
            #[cfg(feature = "pcap")]
            Source::Library(_) => Ok(()),
        }
    }

    /// Nothing that comes in after this is lent.
    pub(super) fn stop_receiving(&mut self) -> Result<(), LiveError> {
        match &mut self.source {
            Source::Rings(rings) => rings.stop_receiving(),
            #[cfg(feature = "pcap")]
            Source::Library(library) => {
                library.stop_receiving(super::lines::now());
                Ok(())
            }
        }
    }

    /// The interface as one of those that are waited for.
    pub(super) fn waited(&mut self) -> Waited<'_> {
        match &mut self.source {
            Source::Rings(rings) => Waited::Rings(rings),
            #[cfg(feature = "pcap")]
            Source::Library(library) => Waited::Library(library),
        }
    }

    /// Whether a batch may have frames. What libpcap has is known by reading alone.
    pub(super) fn may_be_ready(&self) -> bool {
        match &self.source {
            Source::Rings(rings) => rings.is_ready(),
            #[cfg(feature = "pcap")]
            Source::Library(_) => true,
        }
    }

    /// Whether frames that came before the interface was removed can still be read.
    pub(super) fn outlives_interface(&self) -> bool {
        match &self.source {
            Source::Rings(_) => true,
            #[cfg(feature = "pcap")]
            Source::Library(_) => false,
        }
    }

    /// Bytes of frames in a batch at most.
    pub(super) fn batch_bytes(&self) -> usize {
        match &self.source {
            Source::Rings(rings) => rings.batch_bytes(),
            #[cfg(feature = "pcap")]
            Source::Library(library) => library.batch_bytes(),
        }
    }

    /// Whether the interface is still there.
    pub(super) fn is_present(&self) -> bool {
        match &self.source {
            Source::Rings(rings) => rings.is_present(),
            #[cfg(feature = "pcap")]
            Source::Library(library) => library.is_present(),
        }
    }

    /// Whether the interface is up.
    pub(super) fn is_up(&self) -> bool {
        match &self.source {
            Source::Rings(rings) => rings.is_up(),
            #[cfg(feature = "pcap")]
            Source::Library(library) => library.is_up(),
        }
    }

    /// The frames that are ready.
    pub(super) fn batch(&mut self) -> LiveBatch<'_> {
        match &mut self.source {
            Source::Rings(rings) => rings.batch(),
            #[cfg(feature = "pcap")]
            Source::Library(library) => library.batch(),
        }
    }

    /// What came in so far.
    pub(super) fn counters(&mut self) -> Result<LiveCounters, LiveError> {
        match &mut self.source {
            Source::Rings(rings) => rings.counters(),
            #[cfg(feature = "pcap")]
            Source::Library(library) => library.counters(),
        }
    }
}

impl Source {
    fn open(how: Capturing<'_>, name: &str) -> Result<Self, Failure> {
        let args = how.args;
        let failed = |error: LiveError| Failure::Failed(error.to_string());
        #[cfg(feature = "pcap")]
        if how.pcap.libpcap {
            let mut settings = LibrarySettings::new(name);
            settings.buffer_bytes = ring_bytes(args);
            settings.snaplen = args.snaplen;
            settings.promiscuous = !args.no_promiscuous;
            settings.filter = how.pcap.bpf.clone();
            return Library::open(&settings).map(Self::Library).map_err(failed);
        }
        let mut settings = LiveSettings::new(name);
        settings.rings = rings(how);
        settings.ring_bytes = ring_bytes(args);
        settings.snaplen = args.snaplen;
        settings.promiscuous = !args.no_promiscuous;
        settings.ignore_outgoing = args.ignore_outgoing;
        settings.filter = args.bpf_ddd.as_deref().map(read_bpf).transpose()?;
        let rings = Rings::open(&settings).map_err(failed)?;
        #[cfg(feature = "pcap")]
        if let Some(expression) = &how.pcap.bpf {
            let program =
                BpfProgram::compile(expression, rings.link()).map_err(|error| {
                    Failure::usage(format_args!("--bpf {expression:?}: {error}"))
                })?;
            rings.set_filter(Some(&program)).map_err(failed)?;
        }
        Ok(Self::Rings(rings))
    }
}

/// The bound on threads is far below that of rings.
fn rings(how: Capturing<'_>) -> NonZero<u16> {
    NonZero::<u16>::try_from(how.rings).unwrap_or(NonZero::<u16>::MAX)
}

fn ring_bytes(args: &RingArgs) -> usize {
    usize::try_from(args.ring_size.0).unwrap_or(usize::MAX)
}

/// Reads a BPF program.
pub(super) fn read_bpf(path: &Path) -> Result<BpfProgram, Failure> {
    let text =
        fs::read_to_string(path).map_err(|error| Failure::of(path.display(), error))?;
    BpfProgram::from_ddd(&text)
        .map_err(|error| Failure::usage(format_args!("{}: {error}", path.display())))
}
