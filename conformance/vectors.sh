#!/bin/bash
# Runs the vectors and seeded mutations: catena against what files say, and files against the published reference.
#
#   conformance/vectors.sh [--full]
#
# CATENA: the binary to ask; without it, a debug build is made.
# VECTORS_TMP: where the reference's virtual environment is kept; without it, a directory that is removed at the end.
# Needs neither root nor port 443. Cases in which the reference does nothing but wait between retries are given up after
# two minutes; --full waits for them, compares 5,000 mutations instead of 500, and runs optimised.
set -euo pipefail

usage() { echo "usage: conformance/vectors.sh [--full]" >&2; exit 64; }
[[ $# -eq 0 || ($# -eq 1 && $1 == --full) ]] || usage
profile=dev seeds=0..500 limit=120
[[ $# -eq 0 ]] || { profile=release seeds=0..5000 limit=600; }
[[ -z ${CATENA:-} ]] || CATENA=$(realpath "$CATENA")
cd "$(dirname "$0")/.."

own_tmp=''
trap '[[ -z $own_tmp ]] || rm -rf "$own_tmp"' EXIT
if [[ -z ${VECTORS_TMP:-} ]]; then
    own_tmp=$(mktemp -d)
    VECTORS_TMP=$own_tmp
fi
python=$VECTORS_TMP/venv/bin/python
[[ -x $python ]] || python3 -m venv "$VECTORS_TMP/venv"
"$python" -m pip install --quiet --disable-pip-version-check scriptworker==63.6.1
export PYTHONDONTWRITEBYTECODE=1

# of the whole workspace, whose tests have compiled the same dependencies
cargo build --quiet --locked --profile "$profile" --workspace --example world-server --example mutation-verdicts
built=${CARGO_TARGET_DIR:-target}/$([[ $profile == dev ]] && echo debug || echo "$profile")
if [[ -z ${CATENA:-} ]]; then
    cargo build --quiet --locked --profile "$profile" --package catena-cli
    CATENA=$(realpath "$built/catena")
fi

source conformance/part.sh

command="$CATENA verify {task} --type {type} --product {product} --evidence {evidence} --config {config} --profile {profile}"
part "catena on the vectors" python3 vectors/run.py --cmd "$command"
part "both verdicts on the vectors" "$python" conformance/compare.py vectors
part "both verdicts on mutations" "$python" conformance/compare.py mutations --seeds "$seeds" --tool "$built/examples/mutation-verdicts"
part "the reference on the vectors" "$python" conformance/reference.py vectors --server "$built/examples/world-server" --limit "$limit"
exit $status
