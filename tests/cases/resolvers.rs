//! Resolvers as builds use them: which of them the detector learns from, and whether the question of a holder is refused.
//!
//! `DETECTOR_BLESS=1 cargo test -p detector-tests --test resolvers` rewrites `docs/resolvers.md` with what was measured here.

#[path = "resolvers/bench.rs"]
mod bench;
#[path = "resolvers/list.rs"]
mod list;
#[path = "resolvers/page.rs"]
mod page;

#[test]
fn the_page_says_what_was_measured() -> anyhow::Result<()> {
    page::check()
}
