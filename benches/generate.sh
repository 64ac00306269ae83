#!/bin/bash
# Times `catena generate` beside `openssl dgst -sha256`, run as two processes over the same files: throughput and peak
# memory, for 10,000 small files and for 4 files of 512 MB. Ends with 1 if a goal is missed.
#
#   benches/generate.sh [--runs N]
#
# CATENA: the binary; without it, a release build is made. BENCH_TMP: where the files are made (3 GB; warm in the page
# cache before anything is timed); without it, a directory that is removed at the end.
set -euo pipefail

usage() { echo "usage: benches/generate.sh [--runs N]" >&2; exit 64; }
runs=5
[[ $# -eq 0 ]] || { [[ $# -eq 2 && $1 == --runs ]] || usage; runs=$2; }
[[ -z ${CATENA:-} ]] || CATENA=$(realpath "$CATENA")
cd "$(dirname "$0")/.."
for name in openssl python3; do
    command -v "$name" >/dev/null || { echo "this needs $name" >&2; exit 1; }
done
own_tmp=''
trap '[[ -z $own_tmp ]] || rm -rf "$own_tmp"' EXIT
if [[ -z ${BENCH_TMP:-} ]]; then
    own_tmp=$(mktemp -d)
    BENCH_TMP=$own_tmp
fi
if [[ -z ${CATENA:-} ]]; then
    cargo build --release --package catena-cli --locked
    CATENA=$(realpath "${CARGO_TARGET_DIR:-target}/release/catena")
fi
python3 benches/generate.py --catena "$CATENA" --dir "$BENCH_TMP" --runs "$runs"
