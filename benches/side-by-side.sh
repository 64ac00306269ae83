#!/bin/bash
# Times catena beside the Python reference on the lab's worlds: wall, peak memory, requests, as ratios.
#
#   benches/side-by-side.sh LAB [--runs N] [--scenario NAME...]
#
# Both make the same checks (the root's own document is left out: --no-check-task). Writes benches/side-by-side.json and
# the README's table of figures. Needs root (port 443, /etc/hosts), Python, a C compiler, and a quiet machine.
# CATENA and LAB_TMP are as in conformance/lab.sh; without CATENA, a release build is made.
# With --scenario or another number of runs than 5, the table is only printed.
set -euo pipefail

usage() { echo "usage: benches/side-by-side.sh LAB [--runs N] [--scenario NAME...]" >&2; exit 64; }
[[ $# -ge 1 ]] || usage
[[ -d $1 ]] || { echo "no lab at $1" >&2; exit 1; }
location=$1
shift
runs=5 scenarios=(s1 s2 s3 s2:latency=50) write=(--write)
while [[ $# -gt 0 ]]; do
    case $1 in
        --runs) [[ $# -ge 2 ]] || usage; runs=$2; [[ $runs -eq 5 ]] || write=(); shift 2 ;;
        --scenario) [[ $# -ge 2 ]] || usage; shift; scenarios=("$@") write=(); shift $# ;;
        *) usage ;;
    esac
done
[[ -z ${CATENA:-} ]] || CATENA=$(realpath "$CATENA")
source "$(dirname "$0")/../conformance/lab-env.sh" "$location"
cd "$(dirname "$0")/.."

if [[ -z ${CATENA:-} ]]; then
    cargo build --release --package catena-cli --locked
    CATENA=${CARGO_TARGET_DIR:-target}/release/catena
fi
catena=$(realpath "$CATENA")

result=$LAB_TMP/side-by-side.json
"$python" "$lab/bench.py" --runs "$runs" --scenario "${scenarios[@]}" --out "$result" \
    --cmd reference="{python} $lab/reference.py one --world {world}" \
    --cmd catena="$catena verify {task_id} --type {task_type} --product {product} --config {config} --no-check-task --no-cache"
"$python" benches/figures.py "$result" --runs "$runs" ${write[@]+"${write[@]}"}
