# Sourced with the lab's location: prepares the virtual environment, the hosts and LAB_TMP, and undoes at exit what it
# changed. Sets lab (absolute) and python.
lab=$(realpath "$1")
[[ -f $lab/labnet.py ]] || { echo "$lab is not the lab: it has no labnet.py" >&2; exit 1; }

own_tmp='' own_hosts=''
cleanup() {
    [[ -z $own_hosts ]] || sh "$lab/hosts.sh" remove
    [[ -z $own_tmp ]] || rm -rf "$own_tmp"
}
trap cleanup EXIT

if [[ -z ${LAB_TMP:-} ]]; then
    own_tmp=$(mktemp -d)
    export LAB_TMP=$own_tmp
fi
mkdir -p "$LAB_TMP"
export PYTHONDONTWRITEBYTECODE=1 # the lab may be read-only

python=$LAB_TMP/venv/bin/python
if [[ ! -x $python ]]; then
    python3 -m venv "$LAB_TMP/venv"
fi
if ! "$python" -c 'import sys, yaml; from importlib.metadata import version; sys.exit(version("scriptworker") != "63.6.1")' 2>/dev/null; then
    "$python" -m pip install --quiet --disable-pip-version-check scriptworker==63.6.1 pyyaml
fi

grep -q '# cot-lab$' /etc/hosts || own_hosts=yes
sh "$lab/hosts.sh" add
