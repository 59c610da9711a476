//! The committed header is what the sources say, and compilers take it.

use crate::common::{Compiler, capi};
use std::fs;

/// `WORMSIFT_WRITE_HEADER=1 cargo test -p wormsift-capi --test all header` writes it.
#[test]
fn the_committed_header_is_what_the_sources_say() {
    let config = cbindgen::Config::from_file(capi().join("cbindgen.toml")).unwrap();
    let bindings = cbindgen::Builder::new()
        .with_crate(capi())
        .with_config(config)
        .generate()
        .expect("sources that can be parsed");
    let mut header = Vec::new();
    bindings.write(&mut header);
    let path = capi().join("include/wormsift.h");
    if std::env::var_os("WORMSIFT_WRITE_HEADER").is_some() {
        fs::write(&path, &header).expect("our own header");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed.as_bytes() == header,
        "include/wormsift.h is not current: see this test"
    );
}

#[test]
fn c_and_cpp_compilers_take_it_in_every_standard() {
    let headers =
        ["#include <wormsift.h>\n", "#include <wormsift.h>\n#include <wormsift.h>\n"];
    for (compiler, standards, include) in [
        ("cc", &["c99", "c11", "c17"][..], headers[0]),
        ("c++", &["c++11", "c++17", "c++20"], headers[1]),
        ("c++", &["c++11", "c++17", "c++20"], "#include <wormsift.hpp>\n"),
    ] {
        let Some(compiler) = Compiler::find(compiler) else { return };
        for standard in standards {
            compiler.check(standard, &format!("{include}int main() {{ return 0; }}\n"));
        }
    }
}
