#!/usr/bin/env bash
# What still alarms on captures without worms, once others were learned from?
#
#   engine/baseline/split.sh CAPTURES...
#
# The captures are split by name in two: by halves of the alphabet, and by turns. Each part
# is merged into half an hour of one network; what was learned from one is known when the
# other is sifted, both ways round. Prints the number of signatures at 30 x 30, 10 x 10, 3 x 3
# and by propagation: with nothing known, with the shipped literals, and with both; ends
# with 1 when more is left with both than 0, 2, 20 and 0. Ten seconds for 86 MB.
set -euo pipefail
[ "$#" -gt 0 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" | head -n -1; exit 2; }
wormsift=${WORMSIFT:-$(dirname "$0")/../../${CARGO_TARGET_DIR:-target}/release/wormsift}
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

find "$@" -type f | LC_ALL=C sort >"$work/names"
half=$((($(wc -l <"$work/names") + 1) / 2))
head -n "$half" "$work/names" >"$work/first.txt"
tail -n +"$((half + 1))" "$work/names" >"$work/second.txt"
awk 'NR % 2 == 1' "$work/names" >"$work/odd.txt"
awk 'NR % 2 == 0' "$work/names" >"$work/even.txt"
for part in first second odd even; do
    # Captures of other link types than Ethernet cannot all be merged: they are told.
    tr '\n' '\0' <"$work/$part.txt" \
        | xargs -0 -s 2000000 "$wormsift" generate -q -o "$work/$part.pcapng" --merge >/dev/null
done

# The four counts, as the page of `evaluate --clean` has them.
counts() {
    "$wormsift" evaluate --runs-only --json - --clean "$@" 2>/dev/null | python3 -c '
import json, sys
benign = json.load(sys.stdin)["benign"]
print(*(len(one["signatures"]) for thresholds in ("30 x 30", "10 x 10", "3 x 3", "propagation")
        for one in benign if one["thresholds"] == thresholds))'
}

status=0
printf '%-42s %10s %10s %10s %12s\n' '' '30 x 30' '10 x 10' '3 x 3' propagation
for ways in 'first second' 'second first' 'odd even' 'even odd'; do
    read -r learned sifted <<<"$ways"
    capture=$work/$sifted.pcapng
    while IFS=: read -r name flags; do
        # shellcheck disable=SC2086 # Flags are words.
        found=$(counts "$capture" $flags)
        read -r a b c d <<<"$found"
        printf '%-42s %10d %10d %10d %12d\n' "$sifted sifted, $name" "$a" "$b" "$c" "$d"
    done <<END
nothing known:--no-boilerplate
literals:
literals, $learned learned:--learn $work/$learned.pcapng
END
    if ((a > 0 || b > 2 || c > 20 || d > 0)); then
        echo "more than 0, 2, 20 and 0"
        status=1
    fi
done
exit "$status"
