//! The page of what is read is that of the decoder's tables.

use std::path::Path;
use wormsift::decode::list;

/// After a wanted change: run it with `WORMSIFT_BLESS=1`.
#[test]
fn the_page_lists_what_the_decoder_reads() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/decoders.md");
    let now = list();
    if std::env::var_os("WORMSIFT_BLESS").is_some() {
        std::fs::write(&path, &now).unwrap();
    }
    let page = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        page == now,
        "engine/docs/decoders.md is not what the decoder's tables say; write it anew with \
         `WORMSIFT_BLESS=1 cargo test -p wormsift --test all decoders_page`"
    );
    for needed in ["| 47 | GRE |", "| 2152 | GTP-U", "4789, 8472", "0x8100", "| 6 | TCP"]
    {
        assert!(page.contains(needed), "{needed}");
    }
}
