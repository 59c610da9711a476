//! The system calls that stay allowed (seccomp).
//!
//! Those that this program was seen to need, and what the allocator, the threads and a
//! panic need; everything else answers `EPERM`. Memory that is mapped from now on cannot
//! be run. No thread and no program can be started: this comes after all threads, each of
//! which must have begun to run ([`start_thread`]), since a thread's first steps are calls
//! that it never makes again.

use crate::output::exit_code::Failure;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Len, SeccompCmpOp as Op,
    SeccompCondition as Condition, SeccompFilter, SeccompRule as Rule, TargetArch,
};
use std::collections::BTreeMap;

pub(in crate::live) use crate::status::start_thread;

/// Allowed whatever the arguments.
const ALLOWED: &[libc::c_long] = &[
    // Files and sockets that are open.
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_pread64,
    libc::SYS_lseek,
    libc::SYS_close,
    libc::SYS_fcntl,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_ftruncate,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_shutdown,
    libc::SYS_getsockopt,
    libc::SYS_setsockopt,
    libc::SYS_getsockname,
    libc::SYS_getpeername,
    libc::SYS_accept4,
    libc::SYS_ppoll,
    // New ones, as far as Landlock lets them; sockets are limited below.
    libc::SYS_openat,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_unlinkat,
    libc::SYS_connect,
    // Memory; what asks for memory that can be run is limited below.
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    // Threads that exist, their end, and signals.
    libc::SYS_futex,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_membarrier,
    libc::SYS_restart_syscall,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_tgkill,
    libc::SYS_exit,
    libc::SYS_exit_group,
    // Time and chance.
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_getrandom,
];

/// Older forms of the above, which x86-64 alone still has.
#[cfg(target_arch = "x86_64")]
const OLDER: &[libc::c_long] =
    &[libc::SYS_open, libc::SYS_poll, libc::SYS_rename, libc::SYS_unlink, libc::SYS_stat];
#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[libc::c_long] = &[];

/// Asks of a terminal, and of an interface.
#[allow(clippy::unnecessary_cast, reason = "they are no u64 everywhere")]
const REQUESTS: [u64; 4] = [
    libc::TIOCGWINSZ as u64,
    libc::TCGETS as u64,
    libc::SIOCGIFINDEX as u64,
    libc::SIOCGIFFLAGS as u64,
];

/// The filter for this machine; `None` where there is none for its kind.
fn filter() -> Result<Option<BpfProgram>, seccompiler::BackendError> {
    let Ok(machine) = TargetArch::try_from(std::env::consts::ARCH) else {
        return Ok(None);
    };
    let mut rules: BTreeMap<i64, Vec<Rule>> =
        ALLOWED.iter().chain(OLDER).map(|call| (*call, Vec::new())).collect();
    let argument = |index, op, value| {
        Condition::new(index, Len::Dword, op, value).and_then(|one| Rule::new(vec![one]))
    };
    let cannot_run = || argument(2, Op::MaskedEq(libc::PROT_EXEC as u64), 0);
    rules.insert(libc::SYS_mmap, vec![cannot_run()?]);
    rules.insert(libc::SYS_mprotect, vec![cannot_run()?]);
    rules.insert(libc::SYS_socket, vec![argument(0, Op::Eq, libc::AF_UNIX as u64)?]);
    let requests = REQUESTS.into_iter().map(|request| argument(1, Op::Eq, request));
    rules.insert(libc::SYS_ioctl, requests.collect::<Result<_, _>>()?);
    let filter = SeccompFilter::new(
        rules,
        SeccompAction::Errno(libc::EPERM as u32),
        SeccompAction::Allow,
        machine,
    )?;
    filter.try_into().map(Some)
}

/// From now on all threads make only these calls. Said in one line.
pub(in crate::live) fn restrict() -> Result<String, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::of("seccomp", error);
    match filter().map_err(|error| failed(&error))? {
        None => Ok(format!(
            "seccomp: no filter for {} machines; all system calls stay allowed",
            std::env::consts::ARCH
        )),
        Some(filter) => {
            seccompiler::apply_filter_all_threads(&filter)
                .map_err(|error| failed(&error))?;
            let calls = ALLOWED.len() + OLDER.len() + 4;
            Ok(format!(
                "seccomp: {calls} system calls allowed, all others fail with EPERM"
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::environment::skipped;
    use super::*;
    use std::io;
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::os::unix::net::UnixDatagram;
    use std::process::Command;

    /// In a thread of its own, which alone is bound by the filter.
    #[test]
    fn what_is_not_needed_answers_eperm() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let Some(filter) = filter().unwrap() else {
            return skipped("seccomp", "no filter for this kind of machine");
        };
        std::thread::scope(|scope| {
            scope.spawn(|| {
                seccompiler::apply_filter(&filter).unwrap();
                let denied = |result: io::Result<()>| {
                    let code = result.err().and_then(|error| error.raw_os_error());
                    assert_eq!(code, Some(libc::EPERM));
                };
                denied(Command::new("/bin/true").spawn().map(drop));
                denied(TcpStream::connect(address).map(drop));
                denied(UdpSocket::bind("127.0.0.1:0").map(drop));
                denied(std::thread::Builder::new().spawn(|| ()).map(drop));
                denied(std::fs::create_dir("/tmp/wormsift-never"));
                denied(std::os::unix::fs::symlink("/", "/tmp/wormsift-never"));
                // And what is needed still goes.
                assert!(UnixDatagram::unbound().is_ok());
                assert!(std::fs::read_to_string("/proc/self/stat").is_ok());
                assert_eq!(vec![1_u8; 8 << 20].len(), 8 << 20);
            });
        });
    }
}
