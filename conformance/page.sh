#!/bin/bash
# A browser clicks through the page of `catena local up`: over the world of the page's own tests, and over the demo.
#
#   conformance/page.sh [DIRECTORY FOR SCREENSHOTS]
#
# CATENA: the binary of the demo; without it, a debug build is made.
# CHROMIUM: the browser; without it, the system's, which root installs if it is absent.
# PAGE_TMP: where playwright-core is kept; without it, a directory that is removed at the end.
set -euo pipefail
shots=${1:+$(realpath -m "$1")}
[[ -z ${CATENA:-} ]] || CATENA=$(realpath "$CATENA")
cd "$(dirname "$0")/.."

own_tmp=''
trap '[[ -z $own_tmp ]] || rm -rf "$own_tmp"' EXIT
if [[ -z ${PAGE_TMP:-} ]]; then
    own_tmp=$(mktemp -d)
    PAGE_TMP=$own_tmp
fi

# need PROGRAM PACKAGE...: as root only; a machine where that is not possible must have them
need() {
    command -v "$1" >/dev/null && return
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${@:2}"
    command -v "$1" >/dev/null
}
[[ -n ${CHROMIUM:-} ]] || need chromium chromium
need node nodejs
need npm npm
CHROMIUM=${CHROMIUM:-$(command -v chromium)}

mkdir -p "$PAGE_TMP"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$PAGE_TMP" playwright-core@1.64
cp conformance/{browser,page,page_demo}.mjs "$PAGE_TMP/" # packages are looked for beside the script
# of the whole workspace, whose tests have compiled the same dependencies
cargo build --quiet --locked --workspace --example page-world
node "$PAGE_TMP/page.mjs" "$CHROMIUM" "${CARGO_TARGET_DIR:-target}/debug/examples/page-world" ${shots:+"$shots"}
if [[ -z ${CATENA:-} ]]; then
    cargo build --quiet --locked --package catena-cli
    CATENA=$(realpath "${CARGO_TARGET_DIR:-target}/debug/catena")
fi
node "$PAGE_TMP/page_demo.mjs" "$CHROMIUM" "$CATENA" ${shots:+"$shots"}
