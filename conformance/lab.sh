#!/bin/bash
# Runs catena against the black-box lab and prints tables: valid worlds, forgeries, outages, parity with the reference.
#
#   conformance/lab.sh LAB [--full]
#
# LAB is the lab's directory; if it is absent, this says so and ends well. Needs root (port 443, /etc/hosts) and Python.
# CATENA: the binary to ask; without it, a debug build is made.
# LAB_TMP: where worlds and the virtual environment are kept; without it, a directory that is removed at the end.
# A lab server that is already running is used, except that the outage part kills its own: where the machine's server is
# in use, run this in a network namespace: unshare -n sh -c 'ip link set lo up && conformance/lab.sh LAB'.
set -euo pipefail

usage() { echo "usage: conformance/lab.sh LAB [--full]" >&2; exit 64; }
[[ $# -ge 1 && $# -le 2 ]] || usage
full=()
[[ $# -eq 1 ]] || { [[ $2 == --full ]] || usage; full=(--full); }
if [[ ! -e $1 ]]; then
    echo "SKIPPED: no lab at $1"
    exit 0
fi
source "$(dirname "$0")/lab-env.sh" "$1"
[[ -z ${CATENA:-} ]] || CATENA=$(realpath "$CATENA")
cd "$(dirname "$0")/.."

if [[ -z ${CATENA:-} ]]; then
    cargo build --package catena-cli --locked
    CATENA=${CARGO_TARGET_DIR:-target}/debug/catena
fi
catena=$(realpath "$CATENA")

source conformance/part.sh

part "valid worlds" "$python" conformance/lab.py worlds --lab "$lab" --catena "$catena" ${full[@]+"${full[@]}"}
part "forgeries" "$python" conformance/lab.py forgeries --lab "$lab" --catena "$catena" --differences docs/differences.md
part "outages" "$python" conformance/lab.py outage --lab "$lab" --catena "$catena"
part "parity with the reference" "$python" conformance/parity.py --lab "$lab" --catena "$catena" --differences docs/differences.md
exit $status
