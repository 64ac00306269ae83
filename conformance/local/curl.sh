#!/bin/bash
# `curl` against a server; run by local.sh through server.py: what people type, and what no client library would send.
# PYTHON: an interpreter that has the `taskcluster` package, to make one task and to sign.
set -uo pipefail

api=$TASKCLUSTER_ROOT_URL/api
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
lines=0 bad=0

# answer STATUS WORD WHAT ARGUMENTS...: curl must get that status and, in body or headers, that word
answer() {
    local status=$1 word=$2 what=$3 found
    shift 3
    lines=$((lines + 1))
    found=$(curl --silent --show-error --globoff --max-time 30 --dump-header "$tmp/headers" --output "$tmp/body" --write-out '%{http_code}' "$@")
    if [[ $found != "$status" ]] || ! grep --quiet --fixed-strings --ignore-case -- "$word" "$tmp/headers" "$tmp/body"; then
        bad=$((bad + 1))
        echo "WRONG  $what: expected $status with $word, found $found: $(head -c 300 "$tmp/body")"
    fi
}

answer 200 '"alive": true' "ping" "$api/queue/v1/ping"
answer 200 '"alive": true' "ping of auth" "$api/auth/v1/ping"
answer 200 'application/json; charset=utf-8' "content type" "$api/queue/v1/ping"
answer 404 '' "nothing at the root of an API" "$api/queue/v1/nonsense"
answer 404 '' "no such service" "$api/nonsense/v1/ping"

here=$(dirname "$0")
task=$("$PYTHON" "$here/helper.py" task) || exit 1
answer 200 'hello from a task' "public artifact, redirects followed" --location "$api/queue/v1/task/$task/artifacts/public/hello.txt"
answer 200 'hello from a task' "by run, name percent-encoded" --location "$api/queue/v1/task/$task/runs/0/artifacts/public%2Fhello.txt"
answer 303 'location: ' "redirects not followed" "$api/queue/v1/task/$task/artifacts/public/hello.txt"
answer 200 '' "HEAD" --head --location "$api/queue/v1/task/$task/artifacts/public/hello.txt"
answer 200 '"state": "completed"' "status" "$api/queue/v1/task/$task/status"
answer 403 InsufficientScopes "private artifact" "$api/queue/v1/task/$task/artifacts/private/thing"
answer 404 ResourceNotFound "no such artifact" "$api/queue/v1/task/$task/artifacts/public/none"
answer 404 ResourceNotFound "no such task" "$api/queue/v1/task/AAAAAAAAQAOAAAAAAAAAAA/status"
answer 400 InvalidRequestArguments "a task id that is none" "$api/queue/v1/task/AAAA/status"
answer 400 InvalidRequestArguments "a run id that is none" "$api/queue/v1/task/$task/runs/one/artifacts"

# bodies, signed; each one is refused, and nothing is stored
fresh=AAAAAAAAQAOAAAAAAAAAAA
refuse() {
    local status=$1 word=$2 what=$3 url=$api/queue/v1/task/$fresh
    answer "$status" "$word" "$what" --request PUT --header "Authorization: $("$PYTHON" "$here/helper.py" sign PUT "$url" application/json "$tmp/in")" \
        --header 'Content-Type: application/json' --header 'Expect:' --data-binary "@$tmp/in" "$url"
    answer 404 ResourceNotFound "$what: nothing was stored" "$url"
}
for body in '{' '{"a": NaN}' '{} {}' $'{"a": "\xff"}'; do
    printf '%s' "$body" >"$tmp/in"
    refuse 400 MalformedPayload "malformed body $body"
done
for body in '[]' '"text"' '{}' '{"payload": {"payload": {"payload": []}}}'; do
    printf '%s' "$body" >"$tmp/in"
    refuse 400 '"code": "' "unfit body $body"
done
{ printf '{"extra": {"x": "'; head -c $((11 << 20)) /dev/zero | tr '\0' x; printf '"}}'; } >"$tmp/in"
# a client library takes seconds to sign this
refuse 413 InputTooLarge "eleven megabytes"
{ head -c 500000 /dev/zero | tr '\0' '['; head -c 500000 /dev/zero | tr '\0' ']'; } >"$tmp/in"
refuse 400 MalformedPayload "half a million brackets"

# headers that are no credentials
for header in 'Hawk' 'Hawk id="root"' 'Hawk id="root", ts="x", nonce="n", mac="m"' 'Hawk id="root", ts="1", nonce="n", mac="AAAA"' 'Basic cm9vdDpyb290' 'Bearer token' 'Hawk id="root", ts="99999999999999999999", nonce="n", mac="AAAA"' 'Hawk id="'"$(printf 'x%.0s' {1..5000})"'", ts="1", nonce="n", mac="AAAA"'; do
    answer 401 AuthenticationFailed "header ${header:0:50}" --header "Authorization: $header" "$api/queue/v1/task/$task/status"
done
for bewit in 'x' '' 'cm9vdA' 'cm9vdFw5OTk5OTk5OTk5XG1hY1w'; do
    answer 401 AuthenticationFailed "bewit '$bewit'" "$api/queue/v1/task/$task/artifacts/private/thing?bewit=$bewit"
done

# path tricks: whatever they name, it is no file of the server's
for path in '../../../../../../etc/passwd' '..%2f..%2f..%2fetc%2fpasswd' '%2e%2e/%2e%2e/etc/passwd' 'public/%252e%252e/x' 'public/..%5c..%5cwindows' '%00' 'public/%00' 'public/%ff' 'public/%0d%0aSet-Cookie:%20a=b' '%2Fetc%2Fpasswd' 'public/%'; do
    lines=$((lines + 1))
    found=$(curl --silent --path-as-is --globoff --max-time 30 --location --output "$tmp/body" --dump-header "$tmp/headers" --write-out '%{http_code}' "$api/queue/v1/task/$task/runs/0/artifacts/$path")
    if [[ ! $found =~ ^40[034]$ ]] || grep --quiet -e root: "$tmp/body" || grep --quiet -i '^set-cookie' "$tmp/headers"; then
        bad=$((bad + 1))
        echo "WRONG  path $path: expected 400, 403 or 404, found $found: $(head -c 300 "$tmp/body")"
    fi
done

answer 200 '"alive": true' "it is still there" "$api/queue/v1/ping"
echo "{\"part\": \"curl\", \"checks\": $lines, \"unexpected\": $bad}"
[[ $bad == 0 && $lines -gt 0 ]]
