#!/usr/bin/env bash
# The goals table, with the baseline built twice: for any x86-64, and for this very
# processor. The faster of both is what everything is compared with.
#   benches/goals.sh [--turns N] [CAPTURE...]
set -euo pipefail
cd "$(dirname "$0")/.."
build=(cargo build --quiet --release -p wormsift-benches --example goals)
target=${CARGO_TARGET_DIR:-target}
"${build[@]}"
RUSTFLAGS="${RUSTFLAGS:-} -C target-cpu=native" "${build[@]}" --target-dir "$target/native"
exec "$target/release/examples/goals" --native "$target/native/release/examples/goals" "$@"
