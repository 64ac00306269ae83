#!/bin/bash
# The last scriptworker with GPG signs documents that catena verifies, verifies documents that catena signs, and rebuilds the
# tasks that catena rebuilds. It and the last releases of versions 1 and 2 verify the whole chains of vectors/gpg-era/chains.json.
#
#   conformance/legacy.sh
#
# LEGACY_TMP: where the reference's virtual environment is kept; without it, a directory that is removed at the end.
# Needs gpg, which root installs if it is absent.
set -euo pipefail
cd "$(dirname "$0")/.."

own_tmp=''
trap '[[ -z $own_tmp ]] || rm -rf "$own_tmp"' EXIT
if [[ -z ${LEGACY_TMP:-} ]]; then
    own_tmp=$(mktemp -d)
    LEGACY_TMP=$own_tmp
fi
command -v gpg >/dev/null || {
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends gnupg
}
python=$LEGACY_TMP/venv/bin/python
[[ -x $python ]] || python3 -m venv "$LEGACY_TMP/venv"
"$python" -m pip install --quiet --disable-pip-version-check scriptworker==22.1.0 'arrow<1' # of the same years
for release in 6.0.2 11.1.0; do
    [[ -d $LEGACY_TMP/releases/$release ]] || "$python" -m pip install --quiet --disable-pip-version-check --no-deps --no-compile \
        --target "$LEGACY_TMP/releases/$release" "scriptworker==$release"
done
export PYTHONDONTWRITEBYTECODE=1

"$python" conformance/legacy_chains.py "$LEGACY_TMP/releases"

cargo build --quiet --locked --package catena-openpgp --features openpgp --example legacy-oracle
"$python" conformance/legacy.py "${CARGO_TARGET_DIR:-target}/debug/examples/legacy-oracle"

LEGACY_REBUILDS=$LEGACY_TMP/rebuilds.json cargo test --quiet --locked --package catena-core --test it -- \
    --ignored --exact legacy_faults::write_rebuilds
"$python" conformance/legacy_rebuild.py "$LEGACY_TMP/rebuilds.json"
