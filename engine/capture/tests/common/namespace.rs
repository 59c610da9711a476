//! A network of a test's own: two interfaces joined by a wire, in a namespace that ends
//! with the test.

use super::environment::skipped;
use std::process::Command;

const INSIDE: &str = "WORMSIFT_TEST_NAMESPACE";

/// Whether the body of `test` should run: inside a namespace with `tap0` and `tap1`. From
/// outside it runs the test again inside; where that is not permitted, it says so.
pub(crate) fn inside(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some_and(|name| name == test) {
        for line in [
            "link add tap0 numrxqueues 1 type veth peer name tap1",
            "link set tap0 addrgenmode none arp off up",
            "link set tap1 addrgenmode none arp off up",
            "link set lo up",
        ] {
            ip(line);
        }
        return true;
    }
    // Capabilities are looked at too: some sandboxes give a namespace without them.
    let permitted = Command::new("unshare").args(["--net", "ip", "link"]).output();
    if !permitted.is_ok_and(|output| output.status.success()) {
        skipped(
            "namespaces",
            "no network namespace is permitted here (needs root and unshare)",
        );
        return false;
    }
    let program = std::env::current_exe().expect("this test");
    let run = Command::new("unshare")
        .arg("--net")
        .arg(program)
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, test)
        .status()
        .expect("unshare was there a moment ago");
    assert!(run.success(), "{test} failed in its namespace");
    false
}

/// `ip`, with these words.
pub(crate) fn ip(words: &str) {
    let done = Command::new("ip").args(words.split(' ')).status();
    assert!(done.is_ok_and(|status| status.success()), "ip {words}");
}
