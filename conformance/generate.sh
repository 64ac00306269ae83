#!/bin/bash
# Generates documents of random artifact trees and tasks beside the published scriptworker: equal bytes, and each side
# accepts the other's signature. And a document that cannot be written leaves nothing behind.
#
#   conformance/generate.sh [--full]
#
# CATENA: the binary to ask; without it, an optimised build is made.
# GENERATE_TMP: where the reference's virtual environment is kept; without it, a directory that is removed at the end.
# --full: 5,000 trees instead of 200.
set -euo pipefail

seeds=0..200
[[ ${1:-} != --full ]] || seeds=0..5000
[[ -z ${CATENA:-} ]] || CATENA=$(realpath "$CATENA")
cd "$(dirname "$0")/.."

own_tmp=''
trap '[[ -z $own_tmp ]] || rm -rf "$own_tmp"' EXIT
if [[ -z ${GENERATE_TMP:-} ]]; then
    own_tmp=$(mktemp -d)
    GENERATE_TMP=$own_tmp
fi
python=$GENERATE_TMP/venv/bin/python
[[ -x $python ]] || python3 -m venv "$GENERATE_TMP/venv"
"$python" -m pip install --quiet --disable-pip-version-check scriptworker==63.6.1
export PYTHONDONTWRITEBYTECODE=1
if [[ -z ${CATENA:-} ]]; then
    cargo build --quiet --locked --release --package catena-cli
    CATENA=$(realpath "${CARGO_TARGET_DIR:-target}/release/catena")
fi

source conformance/part.sh

part "documents of scriptworker and catena" "$python" conformance/generate.py --catena "$CATENA" --seeds "$seeds"
part "full disks and killed processes" conformance/generate_faults.sh "$CATENA"
exit $status
