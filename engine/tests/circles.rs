//! No file imports itself through others: reads the paths that begin with `crate`, `super`
//! or `self` in the tool, the generators and the evaluation. A module may use its parents
//! and children.

use crate::common::source_files::{code, rust_files};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const PACKAGES: [&str; 3] = ["../cli", "../corpora", "../corpora/evaluate"];

type Graph = BTreeMap<String, BTreeSet<String>>;

/// The module that a file holds: `live::page` for `live/page.rs`, and `live` for
/// `live/mod.rs`.
fn module(inside: &Path) -> String {
    let name = inside.with_extension("").to_string_lossy().replace(['/', '\\'], "::");
    match name.as_str() {
        "main" | "lib" => String::new(),
        name => name.strip_suffix("::mod").unwrap_or(name).to_owned(),
    }
}

/// Where the word at `at` begins on its own.
fn begins(code: &str, at: usize) -> bool {
    !code[..at]
        .chars()
        .next_back()
        .is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
}

/// The paths behind `crate::`, `super::` and `self::`, braces opened, as seen from the
/// root.
fn paths(code: &str, module: &str) -> Vec<String> {
    let mut found = Vec::new();
    for word in ["crate::", "super::", "self::"] {
        for (at, _) in code.match_indices(word).filter(|(at, _)| begins(code, *at)) {
            let mut base: Vec<&str> =
                module.split("::").filter(|m| !m.is_empty()).collect();
            let mut rest = &code[at..];
            if let Some(after) = rest.strip_prefix("crate::") {
                base.clear();
                rest = after;
            } else if let Some(after) = rest.strip_prefix("self::") {
                rest = after;
            }
            while let Some(after) = rest.strip_prefix("super::") {
                base.pop();
                rest = after;
            }
            expand(&base.join("::"), rest, &mut found);
        }
    }
    found
}

/// Opens the braces of a path; what follows it is left alone.
fn expand(base: &str, rest: &str, into: &mut Vec<String>) {
    let joined = |tail: &str| match (base.is_empty(), tail.is_empty()) {
        (true, _) => tail.to_owned(),
        (_, true) => base.to_owned(),
        _ => format!("{base}::{tail}"),
    };
    let end = rest
        .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'))
        .unwrap_or(rest.len());
    let head = rest[..end].trim_end_matches(':');
    if !rest[end..].starts_with('{') || !rest[..end].ends_with("::") && end > 0 {
        into.push(joined(head));
        return;
    }
    let mut depth = 0;
    let mut start = end + 1;
    for (at, c) in rest.char_indices().skip_while(|(at, _)| *at < end) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 || depth == 1 && c == ',' {
            expand(&joined(head), rest[start..at].trim(), into);
            start = at + 1;
        }
        if depth == 0 {
            return;
        }
    }
}

/// Which files each file of a package imports.
fn imports(package: &str) -> Graph {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(package).join("src");
    let named: BTreeMap<String, PathBuf> = rust_files(&root)
        .into_iter()
        .map(|path| (module(path.strip_prefix(&root).expect("below src")), path))
        .filter(|(name, _)| !name.split("::").any(|part| part.starts_with("tests")))
        .collect();
    assert!(named.len() > 3, "no sources of {package}");
    let owner = |path: &str| {
        let mut path = path;
        loop {
            if named.contains_key(path) {
                return Some(path.to_owned());
            }
            path = path.rsplit_once("::")?.0;
        }
    };
    let kin = |a: &str, b: &str| {
        a == b || a.starts_with(&format!("{b}::")) || b.starts_with(&format!("{a}::"))
    };
    let edges = |(name, path): (&String, &PathBuf)| {
        let found = paths(&code(path), name);
        let others = found.iter().filter_map(|it| owner(it)).filter(|it| !kin(name, it));
        (name.clone(), others.collect())
    };
    named.iter().map(edges).collect()
}

/// A circle of imports, if there is one.
fn circle(graph: &Graph) -> Option<Vec<String>> {
    fn visit<'a>(
        graph: &'a Graph,
        name: &'a str,
        path: &mut Vec<&'a str>,
        done: &mut BTreeSet<&'a str>,
    ) -> Option<Vec<String>> {
        if let Some(at) = path.iter().position(|it| *it == name) {
            return Some(path[at..].iter().map(|it| (*it).to_owned()).collect());
        }
        if done.contains(name) {
            return None;
        }
        path.push(name);
        let found = graph.get(name)?.iter().find_map(|it| visit(graph, it, path, done));
        path.pop();
        done.insert(name);
        found
    }
    let mut done = BTreeSet::new();
    graph.keys().find_map(|name| visit(graph, name, &mut Vec::new(), &mut done))
}

#[test]
fn no_file_imports_itself_through_others() {
    for package in PACKAGES {
        assert_eq!(circle(&imports(package)), None, "{package}");
    }
}

#[test]
fn circles_are_found() {
    let paths = paths("use crate::{a::{b, c::D}, e};\nsuper::f(self::g::H)", "x::y");
    assert_eq!(paths, ["a::b", "a::c::D", "e", "x::f", "x::y::g::H"]);
    let edge = |from: &str, to: &[&str]| {
        (from.to_owned(), to.iter().map(|it| (*it).to_owned()).collect())
    };
    let graph = Graph::from([edge("a", &["b"]), edge("b", &["c"]), edge("c", &["b"])]);
    assert_eq!(circle(&graph).unwrap(), ["b", "c"]);
}
