//! Gives the library the name that the linker of a host asks for.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let part =
        |name: &str| env::var(format!("CARGO_PKG_VERSION_{name}")).unwrap_or_default();
    if env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        // Before 1.0 each minor version may change the interface.
        let soname = match part("MAJOR").as_str() {
            "0" => format!("libwormsift.so.0.{}", part("MINOR")),
            major => format!("libwormsift.so.{major}"),
        };
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,{soname}");
    }
}
