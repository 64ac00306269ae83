#!/usr/bin/env python3
"""Whole chains of the GPG era: scriptworker's own verdicts against those that `vectors/gpg-era/chains.json` expects of catena.

  legacy_chains.py RELEASES

No release has the rules of all versions: 22.1.0 has no version 1, which is checked, and rebuilds every decision task. So each
case goes to the last release with the rules of its time, by when its decision task was made. 22.1.0 is what is installed; the
others are in RELEASES, by version. How a release judges: `legacy_release.py`.

Both must agree, and where both refuse mean the same thing, but for the cases of the two tables. From versions 2 to 11 a release
went back to version 1 where a rebuild failed; here it does not, as catena does not.
"""
import json
import os
import pathlib
import re
import subprocess
import sys

from legacy_evidence import LIST, ROOT, Evidence
from legacy_release import WITHOUT_ACTIONS

LAST = "22.1.0"
RELEASES = (("2018-01-18", "6.0.2"), ("2018-05-29", "11.1.0"), ("9999", LAST))

# What catena accepts and the release refuses as it was recorded, with what the release says. Sections are those of the
# specification of the GPG era. Completed, the release must accept it as well.
WITHOUT = (WITHOUT_ACTIONS, "5 item 1, docs/legacy.md: of a decision task, only actions need actions.json and parameters.yml")
LENIENT = {"chain-of-2018": WITHOUT, "chain-of-2018-06": WITHOUT}

ERA = "5 item 5: a chain of 2017 with a time after the era; the release looks at no time"
BOUND = "4.1: of a document, the release compares taskId alone"
RUN = "3.3: the release asks for no status of a run"
TIME = "3.3: a signature counts at any time while its key does"
PAIR = "4.1: the release knows no pairs"
COMMAND = "4.2: the release lets what a shell would run in a command pass"
COPY = "2.1 rule 5: the release asks for no copy"
TEXT = "2.1 rule 1: the release asks gpg twice, to verify and to extract"
OPEN = "4.2: the release compares only the keys that the graph has"
# What the release accepts and catena does not.
STRICTER = {
    "chain-made-after-the-era": ERA,
    "chain-of-2018-with-keys-of-its-own": OPEN,
    "chain-of-a-failed-run": RUN,
    "chain-of-an-unfinished-run": RUN,
    "chain-of-another-definition": BOUND,
    "chain-of-another-run": BOUND,
    "chain-of-another-version": BOUND,
    "chain-of-another-worker-type": BOUND,
    "chain-run-after-the-era": ERA,
    "chain-signed-after-its-runs": TIME,
    "chain-signed-before-its-runs": TIME,
    "chain-with-a-bad-pair": PAIR,
    "chain-with-a-command-behind": COMMAND,
    "chain-with-a-command-inside": COMMAND,
    "chain-with-a-copy-that-is-no-document": COPY,
    "chain-with-a-pair-and-no-keys": PAIR,
    "chain-with-a-shell": "5: the release looks for a shell, and drops what it finds",
    "chain-with-another-copy": COPY,
    "chain-with-another-number-of-retries": OPEN,
    "chain-with-another-priority": OPEN,
    "chain-with-another-requirement": OPEN,
    "chain-with-half-a-pair": PAIR,
    "chain-with-text-behind": TEXT,
    "chain-with-two-blocks": TEXT,
}
# what a release says where catena finds this
GPG = r"GPG Error verifying chain of trust"
SAME = {
    "legacy-absent": r"status 404|^404 ",
    "legacy-binding": r"taskId \S+ doesn't match task taskId",
    "legacy-command": r"illegal command|command must start with",
    "legacy-digest": r"BAD HASH|^path \S+ not in \S+ \S+ chain of trust artifacts",
    "legacy-graph": r"Can't find task|dependencies don't line up|(payload|extra) differs",
    "legacy-image": r"^'(imageHash|imageArtifactHash|chainOfTrust)'$|docker imageHash \S+ not in the allowlist",
    "legacy-no-keys": GPG,
    "legacy-pool": r"not a valid decision workerType",
    "legacy-rebuild": r"the rebuilt definition doesn't match",
    "legacy-root": r"^signing \S+ must be run from scriptworker",
    "legacy-scopes": r"not allowlisted for scope",
    "legacy-source": r"doesn't match my repo|^/json-pushes\?changeset=\S+ status 404",
    "legacy-try": r"is_try\(\)",
    "legacy-type": r"Invalid task type|must be run from scriptworker|not a valid docker-image workerType|not allowed to use a prebuilt docker image",
    "legacy-unavailable": r"status 404",
    "legacy-worker": r"guess_worker_impl",
    "pgp-family": GPG,
    "pgp-uncertified": GPG,
    "pgp-unknown-signer": GPG,
    "pgp-unsigned": GPG,
    "pgp-wrong-signature": GPG,
}


def asked(release, names, releases):
    """What a release says of cases."""
    command = [sys.executable, str(pathlib.Path(__file__).with_name("legacy_release.py")), *names]
    place = {} if release == LAST else {"PYTHONPATH": str(releases / release)}
    done = subprocess.run(command, env={**os.environ, **place}, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{release} does not run:\n{done.stderr}")
    answer = json.loads(done.stdout)
    if answer["version"] != release or set(answer["said"]) != set(names):
        sys.exit(f"expected {release} to judge {len(names)} cases, found {answer['version']} and {len(answer['said'])} cases")
    return answer["said"]


def release_of(case):
    evidence = Evidence(case)
    decision = evidence.json("definition", evidence.json("definition", ROOT)["taskGroupId"])
    return next(release for before, release in RELEASES if decision["created"] < before)


def told(text):
    return "accepts" if text is None else f"refuses: {text.splitlines()[0]:.120}"


def compared(name, case, recorded, completed):
    """How the verdicts compare, and what stands there about it."""
    good = case["verdict"] == "trusted"
    if good and recorded is not None:
        pattern, reason = LENIENT.get(name, (None, ""))
        explained = pattern and pattern.fullmatch(recorded) and completed is None
        return ("explained" if explained else "WRONG"), f"only catena accepts; as recorded, {told(recorded)}; completed, {told(completed)}; {reason}"
    if good:
        return "agree", "both accept"
    ids = sorted({finding["id"] for finding in case["findings"]})
    if completed is None:
        return ("stricter" if name in STRICTER else "WRONG"), f"only catena refuses, {' '.join(ids)}; {STRICTER.get(name, '')}"
    same = any(re.search(SAME[one], completed, re.MULTILINE) for one in ids if one in SAME)
    return ("agree" if same else "WRONG"), f"both refuse, {' '.join(ids)}; it {told(completed)}"


def main(releases):
    by_release, found = {}, {"agree": [], "stricter": [], "explained": [], "WRONG": []}
    for name, case in LIST["cases"].items():
        by_release.setdefault(release_of(case), []).append(name)
    for release, names in by_release.items():
        for name, (recorded, completed) in asked(release, names, releases).items():
            how, why = compared(name, LIST["cases"][name], recorded, completed)
            found[how].append(f"{name}: {why}" if how == "WRONG" else name)
            added = ", completed" if recorded != completed else ""
            print(f"  {how}: {name} ({release}{added}): {why}")
    # why versions before go to other releases
    _, against = asked(LAST, ["chain-of-2017"], releases)["chain-of-2017"]
    if not re.search(r"Error while rebuilding signing:parent \S+ task definition!.*'tasks_for'", against or "", re.DOTALL):
        found["WRONG"].append(f"chain-of-2017: {LAST} {told(against)}")
    found["WRONG"] += [f"{name} is not {how} any more" for how, table in (("stricter", STRICTER), ("explained", LENIENT))
                       for name in table if name not in found[how]]
    if found["WRONG"]:
        sys.exit("NOT as expected:\n  " + "\n  ".join(found["WRONG"]))
    print(f"agree {len(found['agree'])}, stricter {len(found['stricter'])}, explained {len(found['explained'])}")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]).resolve())
