#!/bin/bash
# A document that cannot be written leaves nothing behind: a full disk (a small tmpfs in a mount namespace of its own), and
# a process killed while its signer works and right after it.
#
#   conformance/generate_faults.sh CATENA
set -euo pipefail
catena=$(realpath "$1")

if [[ ${2:-} != inside ]]; then
    for way in "--user --map-root-user --mount" --mount; do
        # shellcheck disable=SC2086
        if unshare $way true 2>/dev/null; then
            # shellcheck disable=SC2086
            exec unshare $way "$0" "$catena" inside
        fi
    done
    echo "this needs a mount namespace: unshare --mount was refused" >&2
    exit 1
fi

dir=$(mktemp -d)
trap 'umount "$dir/disk" 2>/dev/null || true; rm -rf "$dir"' EXIT
failed() { echo "FAILED: $*" >&2; exit 1; }

"$catena" keys gen --out "$dir/key" >/dev/null
cat >"$dir/claim.json" <<'CLAIM'
{"status": {"taskId": "YyxNNh7mTAmwDhB4Itm0jg"}, "runId": 0, "workerGroup": "g", "workerId": "w",
 "task": {"dependencies": [], "scopes": [], "payload": {}, "taskGroupId": "YyxNNh7mTAmwDhB4Itm0jg", "workerType": "t"}}
CLAIM

# a disk on which the document, some 100 KB for these names, has no room
mkdir "$dir/disk"
mount -t tmpfs -o size=64k tmpfs "$dir/disk"
mkdir -p "$dir/disk/artifacts/public"
long=$(printf 'n%.0s' {1..200})
for number in {1..400}; do : >"$dir/disk/artifacts/public/$long-$number"; done
generate=("$catena" generate --claim "$dir/claim.json" --quiet)
status=0
"${generate[@]}" "$dir/disk/artifacts" --key "$dir/key" 2>"$dir/said" || status=$?
[[ $status -eq 5 ]] || failed "a full disk: expected status 5, found $status: $(cat "$dir/said")"
grep -qi "no space left" "$dir/said" || failed "a full disk is not named: $(cat "$dir/said")"
found=$(find "$dir/disk/artifacts" -type f | wc -l)
[[ $found -eq 400 ]] || failed "a full disk: expected the 400 artifacts alone, found $found files"
echo "a full disk: status 5, nothing left behind"

# killed by its own signer, before it has the signature; then at other moments by the clock
mkdir -p "$dir/artifacts/public"
echo content >"$dir/artifacts/public/a"
printf '#!/bin/sh\nkill -9 $PPID\n' >"$dir/signer"
chmod +x "$dir/signer"
status=0
"${generate[@]}" "$dir/artifacts" --key "exec:pub=$(cat "$dir/key.pub") $dir/signer" 2>/dev/null || status=$?
[[ $status -eq 137 ]] || failed "a killed process: expected status 137, found $status"
[[ $(find "$dir/artifacts" -type f) == "$dir/artifacts/public/a" ]] || failed "a killed process left files"
whole=0
for moment in {0..59}; do
    rm -f "$dir"/artifacts/public/chain-of-trust.json*
    "${generate[@]}" "$dir/artifacts" --key "$dir/key" 2>/dev/null &
    process=$!
    sleep "0.$(printf '%03d' "$moment")"
    kill -9 $process 2>/dev/null || true
    wait $process 2>/dev/null || true
    document=$dir/artifacts/public/chain-of-trust.json
    # the signature comes first: alone it signs nothing
    if [[ -e $document ]]; then
        "$catena" check-sig "$document" "$document.sig" --pub "$dir/key.pub" >/dev/null || failed "a killed process left a pair that does not fit"
        whole=$((whole + 1))
    fi
    strange=$(find "$dir/artifacts" -type f ! -name a ! -name chain-of-trust.json ! -name chain-of-trust.json.sig)
    [[ -z $strange ]] || failed "a killed process left $strange"
done
[[ $whole -gt 0 && $whole -lt 60 ]] || failed "the kills came all before the document, or all after it: $whole"
echo "killed 61 times: $whole whole documents, no half ones, no other files"
