#!/bin/bash
# What a worker adds to a task, beside the published scriptworker: see worker.py. Needs a quiet machine.
#
#   benches/worker.sh [--tasks N] [--verified N] [--starts N]
#
# CATENA: the binary; without it, an optimised build is made. LOCAL_TMP: where the published packages are, as for
# conformance/local.sh.
set -euo pipefail
[[ -z ${CATENA:-} ]] || CATENA=$(realpath "$CATENA")
cd "$(dirname "$0")/.."
own_tmp=''
trap '[[ -z $own_tmp ]] || rm -rf "$own_tmp"' EXIT
if [[ -z ${LOCAL_TMP:-} ]]; then
    own_tmp=$(mktemp -d)
    LOCAL_TMP=$own_tmp
fi
python=$LOCAL_TMP/venv/bin/python
if [[ ! -x $python ]]; then
    python3 -m venv "$LOCAL_TMP/venv"
    "$python" -m pip install --quiet --disable-pip-version-check taskcluster==113.2.0 scriptworker==63.6.1 trustme==1.2.1 pyyaml
fi
if [[ -z ${CATENA:-} ]]; then
    cargo build --quiet --locked --release --package catena-cli
    CATENA=$(realpath "${CARGO_TARGET_DIR:-target}/release/catena")
fi
export CATENA PYTHONDONTWRITEBYTECODE=1
"$python" benches/worker.py "$@"
