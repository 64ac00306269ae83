#!/bin/bash
# The old tools side by side: those of the published scriptworker and those that catena puts in their place, on the same input.
#
#   conformance/tools.sh [PART...]
#
# PART: keys chain agent token; without one, all.
# CATENA: the binary to ask; without it, an optimised build is made.
# TOOLS_TMP: where the packages are installed; without it, a directory that is removed at the end.
# Needs Python, openssl, OpenSSH's ssh-agent and SoftHSM; installs the Python packages from their registry.
set -euo pipefail

SCRIPTWORKER=63.6.1 TASKCLUSTER=113.2.0 TRUSTME=1.2.1

parts=("$@")
[[ $# -gt 0 ]] || parts=(keys chain agent token)
[[ -z ${CATENA:-} ]] || CATENA=$(realpath "$CATENA")
cd "$(dirname "$0")/.."

own_tmp=''
trap '[[ -z $own_tmp ]] || rm -rf "$own_tmp"' EXIT
if [[ -z ${TOOLS_TMP:-} ]]; then
    own_tmp=$(mktemp -d)
    TOOLS_TMP=$own_tmp
fi
for name in python3 openssl ssh-agent ssh-add ssh-keygen softhsm2-util; do
    command -v "$name" >/dev/null || { echo "this needs $name" >&2; exit 1; }
done
export PYTHON=$TOOLS_TMP/venv/bin/python PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=conformance/local
[[ -x $PYTHON ]] || python3 -m venv "$TOOLS_TMP/venv"
"$PYTHON" -m pip install --quiet --disable-pip-version-check \
    "scriptworker==$SCRIPTWORKER" "taskcluster==$TASKCLUSTER" "trustme==$TRUSTME" pyyaml

if [[ -z ${CATENA:-} ]]; then
    cargo build --quiet --locked --release --package catena-cli
    CATENA=$(realpath "${CARGO_TARGET_DIR:-target}/release/catena")
fi
export CATENA

source conformance/part.sh

# a filter that fits no test is a failure
crypto_test() {
    cargo test --quiet --locked --package catena-crypto --features pkcs11 --test it "$@" | tee /dev/stderr | grep -q '[1-9][0-9]* passed'
}
run_part() {
    case $1 in
        keys) part "keys and signatures, with scriptworker $SCRIPTWORKER and openssl" "$PYTHON" conformance/tools/keys.py ;;
        chain) part "verify_cot and create_test_workdir of scriptworker $SCRIPTWORKER" "$PYTHON" conformance/tools/chain.py ;;
        agent) part "a key in ssh-agent signs" crypto_test real_agent -- --include-ignored ;;
        token) part "a key in SoftHSM signs" crypto_test token ;;
        *)
            echo "unknown part $1" >&2
            exit 64
            ;;
    esac
}
for name in "${parts[@]}"; do
    run_part "$name"
done
exit $status
