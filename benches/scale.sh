#!/usr/bin/env bash
# Does a byte cost the same in a large trace as in a small one?
#
#   benches/scale.sh CAPTURE [GB...]
#
# CAPTURE (100 MB is a good size, 1 GB for 100 GB) is repeated with new addresses and bodies, and comes
# through a pipe, so that no trace takes room on disk: 0.01, 0.1, 1 and 10 GB unless
# sizes are given. Printed are processor time a byte, on one thread and with the copy out
# of the pipe and the reading thread included, and the peak of memory that is no file's.
set -euo pipefail
cd "$(dirname "$0")/.."
capture=$(realpath "$1")
shift
[ "$#" -gt 0 ] || set -- 0.01 0.1 1 10
wormsift=${WORMSIFT:-${CARGO_TARGET_DIR:-target}/release/wormsift}
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
mkfifo "$work/pipe.pcapng"

for size in "$@"; do
    bytes=$(awk "BEGIN { printf \"%.0f\", $size * 1e9 }")
    repeat=$((bytes / $(stat -c %s "$capture") + 1))
    # As often as the address space has room for copies.
    [ "$repeat" -le 256 ] || { echo "scale.sh: $size GB need a larger capture" >&2; exit 1; }
    "$wormsift" generate -q --merge "$capture" --repeat "$repeat" -o "$work/pipe.pcapng" \
        >/dev/null 2>&1 &
    generator=$!
    # The last record may be cut: exit code 3 is no failure.
    { head -c "$bytes" <"$work/pipe.pcapng" || true; } | {
        /usr/bin/time -f '%U %S %M' -o "$work/time" \
            "$wormsift" detect -q --threads 1 - >/dev/null 2>&1 || [ $? = 3 ]
    }
    # It may wait for another reader.
    kill "$generator" 2>/dev/null || true
    wait "$generator" 2>/dev/null || true
    tail -n 1 "$work/time" | awk -v size="$size" '{
        printf "%8s GB  %6.3f ns/byte  peak %7d KiB\n", size, ($1 + $2) / size, $3
    }'
done
