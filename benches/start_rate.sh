#!/bin/bash
# How fast processes start: a task of 1,000 `true`, two at a time, against xargs starting as many shells.
#
#   benches/start_rate.sh [BINARY] [ROUNDS]
#
# Prints the wall time of each round and the median of the ratios. Both sides run in turn, so that a machine whose
# speed drifts is no matter.
set -eu

binary=$(realpath "${1:-target/release/thermos}")
rounds=${2:-5}
count=1000
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat > true.thermos <<SCRIPT
let processes = range($count).map(|i| Process(name = "p" + i, cmdline = "true")).to_array();
export(Task(name = "true", processes = processes, max_concurrency = 2));
SCRIPT

seconds() {
    local start=$EPOCHREALTIME
    "$@" > /dev/null 2> error.log || { cat error.log >&2; exit 1; }
    awk -v start="$start" -v end="$EPOCHREALTIME" 'BEGIN { printf "%.3f", end - start }'
}

shells() { seq "$count" | xargs -P2 -I{} bash -c true; }

echo "round  thermos  xargs  ratio"
for round in $(seq "$rounds"); do
    ours=$(seconds "$binary" --root "$folder/root-$round" run true.thermos)
    theirs=$(seconds shells)
    awk -v r="$round" -v a="$ours" -v b="$theirs" 'BEGIN { printf "%5d  %6.2fs %5.2fs  %5.2f\n", r, a, b, a / b }' | tee -a table
done
sort -k4 -n table | awk '{ ratio[NR] = $4 } END { printf "median ratio: %.2f\n", ratio[int((NR + 1) / 2)] }'
