#!/bin/bash
# Runs the published clients against `catena local up`: every part starts a server as a process of its own.
#
#   conformance/local.sh [--full] [PART...]
#
# PART: python npm curl scriptworker worker release faults clock worker-kills soak demo taskgraph kills claims; without one,
# all. Only with --full, or by its name: beside, which takes some minutes.
# CATENA: the binary to ask; without it, an optimised build is made.
# LOCAL_TMP: where the clients are installed; without it, a directory that is removed at the end.
# Needs Python, git, curl, node 20.19 or later, and Debian's faketime for the part clock; installs the clients from the package registries.
# --full: 200 kills instead of 20, 2,000 tasks in a soak instead of 200; WORKER_KILLS and SOAK_TASKS say other numbers.
set -euo pipefail

TASKCLUSTER=113.2.0 SCRIPTWORKER=63.6.1 TASKGRAPH=24.5.1 TRUSTME=1.2.1 NPM_CLIENT=87.1.3
BEETMOVERSCRIPT=8.5.6 SHIPITSCRIPT=3.2.0 SHIPITAPI=3.1.0 MOTO=5.2.5 BOTO=1.44.8 FLASK=3.1.3 FLASK_CORS=6.0.5

kills=20 soak=200 long=()
if [[ ${1:-} == --full ]]; then
    kills=200 soak=2000 long=(beside)
    shift
fi
parts=("$@")
[[ $# -gt 0 ]] || parts=(python npm curl scriptworker worker release faults clock worker-kills soak demo taskgraph kills claims "${long[@]}")
[[ -z ${CATENA:-} ]] || CATENA=$(realpath "$CATENA")
cd "$(dirname "$0")/.."

own_tmp=''
trap '[[ -z $own_tmp ]] || rm -rf "$own_tmp"' EXIT
if [[ -z ${LOCAL_TMP:-} ]]; then
    own_tmp=$(mktemp -d)
    LOCAL_TMP=$own_tmp
fi
for name in python3 git curl node npm; do
    command -v "$name" >/dev/null || { echo "this needs $name" >&2; exit 1; }
done
node -e 'const [major, minor] = process.versions.node.split("."); process.exit(+major > 20 || (+major === 20 && +minor >= 19) ? 0 : 1)' || {
    echo "this needs node 20.19 or later, found $(node --version)" >&2
    exit 1
}
export PYTHON=$LOCAL_TMP/venv/bin/python PYTHONDONTWRITEBYTECODE=1 NODE_PATH=$LOCAL_TMP/npm/node_modules
[[ -x $PYTHON ]] || python3 -m venv "$LOCAL_TMP/venv"
"$PYTHON" -m pip install --quiet --disable-pip-version-check \
    "taskcluster==$TASKCLUSTER" "scriptworker==$SCRIPTWORKER" "taskcluster-taskgraph==$TASKGRAPH" "trustme==$TRUSTME" pyyaml
npm install --silent --no-audit --no-fund --no-save --prefix "$LOCAL_TMP/npm" "taskcluster-client@$NPM_CLIENT"

if [[ -z ${CATENA:-} ]]; then
    cargo build --quiet --locked --release --package catena-cli
    CATENA=$(realpath "${CARGO_TARGET_DIR:-target}/release/catena")
fi
export CATENA

source conformance/part.sh

served() { "$PYTHON" conformance/local/server.py -- "$@"; }
# with claims that end after so many seconds
short() { "$PYTHON" conformance/local/server.py --claim-timeout "$1" -- "${@:2}"; }
# the release scripts and their S3, in an environment of their own: prints its interpreter
release_python() {
    local venv=$LOCAL_TMP/release
    [[ -x $venv/bin/python ]] || python3 -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
        "beetmoverscript==$BEETMOVERSCRIPT" "shipitscript==$SHIPITSCRIPT" "shipitapi==$SHIPITAPI" "scriptworker==$SCRIPTWORKER" \
        "taskcluster==$TASKCLUSTER" "moto[s3]==$MOTO" "boto3==$BOTO" "botocore==$BOTO" "flask==$FLASK" "flask-cors==$FLASK_CORS" "trustme==$TRUSTME"
    echo "$venv/bin/python"
}
release_scripts() {
    local python
    python=$(release_python) || return
    "$python" conformance/local/bucket.py "$python" conformance/local/release_scripts.py
}
run_part() {
    case $1 in
        python) part "Python taskcluster $TASKCLUSTER" served "$PYTHON" conformance/local/python_client.py ;;
        npm) part "npm taskcluster-client $NPM_CLIENT" served node conformance/local/node_client.cjs ;;
        curl) part "curl" served conformance/local/curl.sh ;;
        scriptworker) part "scriptworker $SCRIPTWORKER as a daemon" served "$PYTHON" conformance/local/daemon.py ;;
        worker)
            part "catena worker in scriptworker's place" served "$PYTHON" conformance/local/daemon.py --catena
            part "a script of scriptworker's client library under catena worker" served "$PYTHON" conformance/local/sync_main.py
            ;;
        release) part "beetmoverscript $BEETMOVERSCRIPT and shipitscript $SHIPITSCRIPT under catena worker" release_scripts ;;
        beside)
            part "scriptworker $SCRIPTWORKER and catena worker side by side" served "$PYTHON" conformance/local/beside.py
            part "the same on broken chains" served "$PYTHON" conformance/local/beside_chains.py
            ;;
        faults) part "catena worker while its queue breaks" short 8 "$PYTHON" conformance/local/worker_faults.py ;;
        clock) part "catena worker and clocks that jump" short 8 "$PYTHON" conformance/local/worker_clock.py ;;
        worker-kills) part "catena worker killed ${WORKER_KILLS:-$kills} times" short 3 "$PYTHON" conformance/local/worker_kills.py --kills "${WORKER_KILLS:-$kills}" ;;
        soak) part "${SOAK_TASKS:-$soak} tasks in one catena worker" served "$PYTHON" conformance/local/worker_soak.py --tasks "${SOAK_TASKS:-$soak}" ;;
        demo) part "the demo's chain, by the reference and by catena" "$PYTHON" conformance/local/demo_chain.py ;;
        taskgraph) part "git and taskgraph $TASKGRAPH: a repository's chain" "$PYTHON" conformance/local/taskgraph_chain.py ;;
        kills) part "$kills kills under load" "$PYTHON" conformance/local/kills.py --kills "$kills" ;;
        claims) part "50 workers claim 5,000 tasks" cargo bench --quiet --locked --package catena-local --bench claims_http ;;
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
