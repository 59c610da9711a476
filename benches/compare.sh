#!/usr/bin/env bash
# How does the whole program compare with others that read the same file?
#
#   benches/compare.sh [CAPTURE]
#
# Wall time of `wormsift detect`, on one thread and two, beside cat, tcpdump and
# capinfos; frames of 64 bytes; peak memory, at 100 MB and at the whole; instructions for a byte of payload. Ratios are of medians.
#
# CAPTURE should be uncompressed, of one link type, 1 GB or more. Without one it is
# made of the Ethernet captures of $WORMSIFT_CAPTURES/benign (else of generated
# traffic), repeated until it is large enough. What is made stays in target/compare.
# Needs hyperfine; leaves out what else is not installed.
set -euo pipefail
cd "$(dirname "$0")/.."

runs=${RUNS:-5}
frames=${FRAMES:-8000000}
work=${CARGO_TARGET_DIR:-target}/compare
wormsift=${CARGO_TARGET_DIR:-target}/release/wormsift
mkdir -p "$work"
have() { command -v "$1" >/dev/null 2>&1; }
have hyperfine || { echo "compare.sh: hyperfine is not installed" >&2; exit 1; }
cargo build --quiet --release -p wormsift-cli
cargo build --quiet --release -p wormsift-benches --example small_frames
# As root, tcpdump changes to a user who may not read here.
unprivileged=()
[ "$(id -u)" != 0 ] || unprivileged=(-Z root)

ethernet_captures() { # FOLDER
    local file
    for file in "$1"/*; do
        if tcpdump "${unprivileged[@]}" -r "$file" -c 1 2>&1 >/dev/null |
            grep -q 'link-type EN10MB'; then
            printf '%s\n' "$file"
        fi
    done
}

make_input() { # OUT: 1 GB or more
    local out=$1 parts=() bytes times
    if [ -n "${WORMSIFT_CAPTURES:-}" ] && [ -d "$WORMSIFT_CAPTURES/benign" ] && have tcpdump; then
        mapfile -t parts < <(ethernet_captures "$WORMSIFT_CAPTURES/benign")
    fi
    if [ "${#parts[@]}" = 0 ]; then
        "$wormsift" generate outbreak --no-worm --background-hosts 400 \
            --background-rate 2 --packets 400000 -q -o "$work/part.pcap"
        parts=("$work/part.pcap")
    fi
    bytes=$(cat "${parts[@]}" | wc -c)
    times=$((1100000000 / bytes + 1))
    "$wormsift" generate -q --merge "${parts[@]}" --repeat "$times" -o "$out"
}

input=${1:-}
if [ -z "$input" ]; then
    input=$work/mix.pcap
    [ -s "$input" ] || make_input "$input"
fi
small=$work/small-frames.pcap
[ -s "$small" ] && [ "$(stat -c %s "$small")" = $((24 + frames * 80)) ] ||
    "${CARGO_TARGET_DIR:-target}/release/examples/small_frames" "$small" "$frames"

# Medians by name, then each as a multiple of every other.
compare() { # FILE
    local file=$1 commands=()
    commands+=(-n 'wormsift, 1 thread' "$wormsift detect -q --threads 1 $file")
    commands+=(-n 'wormsift, 2 threads' "$wormsift detect -q --threads 2 $file")
    commands+=(-n cat "cat $file")
    have tcpdump &&
        commands+=(-n 'tcpdump -w /dev/null' "tcpdump ${unprivileged[*]} -r $file -w /dev/null")
    have capinfos && commands+=(-n capinfos "capinfos $file")
    hyperfine --style none --warmup 1 --runs "$runs" --export-csv "$work/times.csv" \
        "${commands[@]}" >/dev/null 2>"$work/hyperfine.log" || {
        cat "$work/hyperfine.log" >&2
        return 1
    }
    # hyperfine quotes a name that has a comma.
    sed 's/"\([^",]*\),\([^"]*\)"/\1\2/' "$work/times.csv" |
        awk -F, -v bytes="$(stat -c %s "$file")" -v packets="${2:-0}" '
        NR > 1 { name[NR] = $1; median[$1] = $4; last = NR }
        END {
            for (i = 2; i <= last; i++) {
                n = name[i]
                line = sprintf("  %-22s %8.3f s %7.2f GB/s", n, median[n], bytes / median[n] / 1e9)
                if (packets) line = line sprintf(" %7.2f Mpacket/s", packets / median[n] / 1e6)
                print line
            }
            for (i = 2; i <= 3; i++)
                for (j = 4; j <= last; j++)
                    printf "  wall time of %s : %s = %.2f\n", name[i], name[j], median[name[i]] / median[name[j]]
        }'
}

# Peak of memory that is no file's: watched while it runs.
peak_kib() { # FILE
    local peak=0 now
    "$wormsift" detect -q --threads 2 "$1" >/dev/null 2>&1 &
    local pid=$!
    while kill -0 "$pid" 2>/dev/null; do
        now=$(awk '/^RssAnon:|^RssShmem:/ { sum += $2 } END { print sum + 0 }' \
            "/proc/$pid/status" 2>/dev/null || echo 0)
        ((now > peak)) && peak=$now
        sleep 0.01
    done
    wait "$pid" || true
    echo "$peak"
}

echo "machine: $(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2-), $(nproc) cores, $(date -u +%F)"
echo "input: $input, $(stat -c %s "$input") bytes; median of $runs runs each, page cache warm"
compare "$input"

echo "frames of 64 bytes: $frames"
compare "$small" "$frames"

echo "peak of memory that is no file's, default budget of 256 MiB:"
hundred=$work/hundred.pcap
# The last record may be cut; it is reported and left out.
head -c 100000000 "$input" >"$hundred"
first=$(peak_kib "$hundred")
whole=$(peak_kib "$input")
echo "  100 MB: $first KiB; $(($(stat -c %s "$input") / 1000000)) MB: $whole KiB; ratio $(awk "BEGIN { printf \"%.2f\", $whole / ($first ? $first : 1) }")"

if have valgrind; then
    part=$work/callgrind.pcap
    head -c 6000000 "$input" >"$part"
    # The last record may be cut here too: exit code 3 is no failure.
    instructions() { # ARGUMENTS...
        { valgrind --tool=callgrind --callgrind-out-file=/dev/null \
            "$wormsift" detect -q --threads 1 "$@" "$part" 2>&1 >/dev/null || true; } |
            sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
    }
    payload=$({ "$wormsift" detect -q --json "$part" 2>/dev/null || true; } |
        grep -o '"payload_bytes":[0-9]*' | cut -d: -f2)
    all=$(instructions)
    start=$(instructions --count 1)
    # Valgrind knows no AVX-512: this is the AVX2 kernel.
    echo "callgrind: $((all - start)) instructions after the first packet, $payload payload bytes:" \
        "$(awk "BEGIN { printf \"%.1f\", ($all - $start) / $payload }") a byte (AVX2 kernel)"
fi
