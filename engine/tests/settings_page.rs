//! The page of settings is that of their table.

use std::fmt::Write;
use std::path::Path;
use wormsift::config::{Kind, REMOVED, SETTINGS, Setting};

const INTRODUCTION: &str = "\
# Settings

Every setting has one name: of the field of `Config`, in a settings file, in the C interface and, with `-` for `_`, in
Suricata's configuration. Units are written as in `60s`, `4h`, `10d`, `64MiB`, `1GiB`. `wormsift config` prints the effective
settings, each with its origin; what it prints is a settings file for `--config FILE.toml`, and flags come before it.

| setting | flag | takes | default | what it does |
|---|---|---|---|---|
";

fn row(setting: &Setting) -> String {
    let Setting { name, help, default, source, .. } = setting;
    let list = |names: &[&str]| format!("`{}`", names.join("`, `"));
    let takes = match setting.kind {
        Kind::Choice(names) => list(names),
        kind => kind.form(),
    };
    let default = match *default {
        "" => (*source).to_owned(),
        default => format!("`{default}`, {source}"),
    };
    format!("| `{name}` | `{}` | {takes} | {default} | {help} |\n", setting.flag())
}

fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    let shown = SETTINGS.iter().filter(|setting| !setting.hidden);
    page.extend(shown.map(row));
    page.push_str("\nSettings that are gone are refused:\n\n");
    for (name, instead) in REMOVED {
        let _ = writeln!(page, "- `{name}`: {instead}.");
    }
    page
}

/// After a wanted change: run it with `WORMSIFT_BLESS=1`.
#[test]
fn the_page_lists_every_setting() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/settings.md");
    let now = page();
    if std::env::var_os("WORMSIFT_BLESS").is_some() {
        std::fs::write(&path, &now).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == now,
        "engine/docs/settings.md is not what the table of settings says; write it anew with \
         `WORMSIFT_BLESS=1 cargo test -p wormsift --test all settings_page`"
    );
    assert!(!written.contains("tails") && written.contains("`--no-boilerplate`"));
}
