#!/usr/bin/env python3
"""Compares what catena and the Python reference say to the vectors and to seeded mutations (P2-P4).

    compare.py vectors                              `expected` and `reference` of each case
    compare.py mutations --seeds A..B [--tool BIN]  catena now, and the verdicts recorded in conformance/verdicts

It checks, by finding id:

* compat refuses what the reference passes only with findings listed under "Always" in docs/differences.md (P2), what such
  a finding brings along (P9), or, for a vector, by a rule of the table below them;
* compat trusts what the reference refuses only in the classes listed under "Tolerated" (P3);
* strict trusts nothing that compat refuses, documents that only compat reads set aside (P4);
* each difference of a vector is in vectors/exceptions.toml under its class, and nothing is there that makes no difference;
* each of S1 to S9 is passed by the reference in some case, and there rejected by strict under a check of that rule.

Exit 0 if all of it holds, else 1. A verdict that the reference did not reach in time decides nothing.
"""
import argparse
import collections
import json
import os
import pathlib
import re
import subprocess
import sys
import tomllib

from parity import companions, explained, listed, section

ROOT = pathlib.Path(__file__).resolve().parent.parent
VERSION = "63.6.1"
BYPASSES = [f"S{number}" for number in range(1, 10)]


class Book:
    """What docs/differences.md and docs/checks.md say."""

    def __init__(self):
        differences, checks = ((ROOT / "docs" / name).read_text() for name in ("differences.md", "checks.md"))
        self.always, self.along = listed(differences, "Always"), companions(checks)
        # rule -> the checks whose findings show it
        rows = re.findall(r"^\| ([A-Z]-?\d+(?:, [A-Z]-?\d+)*) \| \[([a-z0-9-]+)\]", section(differences, "Always"), re.M)
        self.inherent = collections.defaultdict(set)
        for rules, check in rows:
            for rule in rules.split(", "):
                self.inherent[rule].add(check)
        self.tolerated = listed(differences, "Tolerated")
        self.classes = set(re.findall(r"^\| `[^`]+` \| ([a-z-]+) \|", section(differences, "Tolerated"), re.M))
        self.compat_only = listed(differences, "Only compat reads")
        parts = re.split(r"^## ([a-z0-9-]+)\n", checks, flags=re.M)[1:]
        self.rules = {check: set(re.search(r"^Rules: (.*)$", text, re.M)[1].split(", ")) for check, text in zip(parts[::2], parts[1::2])}


def relation(reference, expected):
    """How strict differs from compat, else how compat differs from the reference; empty where not."""
    passed, compat, strict = reference == "pass", *(expected[p]["verdict"] == "trusted" for p in ("compat", "strict"))
    if strict and not compat:
        return "strict looser than compat"
    return "" if passed == compat else "stricter" if passed else "looser"


def vectors(book):
    with open(ROOT / "vectors" / "exceptions.toml", "rb") as fh:
        listed_as = {name: entry["class"] for entry in tomllib.load(fh)["exception"] for name in entry["cases"]}
    counts, bad, stopped = collections.Counter(), [], collections.defaultdict(set)
    for path in sorted((ROOT / "vectors" / "cases").glob("*.json")):
        case = json.loads(path.read_text())
        name, expected, reference = case["name"], case["expected"], case.get("reference", {})
        known = listed_as.pop(name, None)
        if reference.get("version") != VERSION:
            bad.append(f"{name}: the reference's verdict is not recorded: conformance/reference.py vectors --record")
            continue
        said = relation(reference["verdict"], expected) if reference["verdict"] != "timeout" else ""
        counts[said or ("undecided" if reference["verdict"] == "timeout" else "same")] += 1
        complaint = difference(book, said, known, expected)
        if complaint:
            bad.append(f"{name}: {complaint}\n   reference: {reference['verdict']}\n   compat: {expected['compat']}\n   strict: {expected['strict']}\n   {case['reason']}")
        if reference["verdict"] == "pass" and expected["strict"]["verdict"] == "rejected":
            for rule in BYPASSES:
                headline = expected["strict"]["headline"]
                if rule in case["rules"] and (rule in book.rules[headline] or headline in book.inherent[rule]):
                    stopped[rule].add(name)
    bad += [f"{name}: in exceptions.toml, but there is no such case" for name in listed_as]
    bad += [f"{rule}: no case that the reference passes and strict rejects for it" for rule in BYPASSES if not stopped[rule]]
    print(json.dumps({"part": "vectors", **counts, "bypasses closed": {rule: len(stopped[rule]) for rule in BYPASSES}, "unexpected": len(bad)}))
    return bad


def difference(book, said, known, expected):
    """What is wrong with a vector, given its class in exceptions.toml."""
    ids = set(expected["compat"]["findings"])
    if not said:
        return known and f"in exceptions.toml as {known}, but it makes no difference"
    if not known:
        return f"{said}, and not in exceptions.toml"
    if said == "stricter":
        in_class = known in ids if known in book.always else known in book.inherent and ids & book.inherent[known]
        is_explained = explained(ids, book.always, book.along) or known in book.inherent
        return None if in_class and is_explained else f"stricter, and {known} of exceptions.toml does not explain it"
    classes = book.classes if said == "looser" else book.compat_only
    return None if known in classes else f"{said}, and {known} of exceptions.toml is no class for that"


def mutations(book, args):
    first, last = (int(number) for number in args.seeds.split(".."))
    recorded = {}
    for path in sorted((ROOT / "conformance" / "verdicts").glob("mutations-*.json")):
        recorded |= {int(seed): verdict for seed, verdict in json.loads(path.read_text())["verdicts"].items()}
    tool = args.tool
    if not tool:
        subprocess.run(["cargo", "build", "--quiet", "--locked", "--package", "catena-testkit", "--example", "mutation-verdicts"], cwd=ROOT, check=True)
        tool = os.path.join(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"), "debug", "examples", "mutation-verdicts")
    out = subprocess.run([tool, str(first), str(last)], check=True, stdout=subprocess.PIPE, text=True).stdout
    counts, bad = collections.Counter(), []
    for line in out.splitlines():
        found = json.loads(line)
        said, key = found["said"], found["key"]
        verdict, fingerprint = recorded.get(found["seed"], (None, None))
        if fingerprint != found["fingerprint"]:
            counts["stale"] += 1
            bad.append(f"{found['seed']}: no verdict is recorded for what this seed makes now")
            continue
        if verdict == "timeout":
            counts["undecided"] += 1
            continue
        stricter = explained(said["compat"]["findings"], book.always, book.along)
        is_listed = {
            "": True,
            "stricter": stricter,
            "looser": key in book.tolerated or any(re.fullmatch(pattern, key) for pattern in book.tolerated),
            "strict looser than compat": key.split("|")[1].split(":")[0] in book.compat_only and (stricter or verdict == "fail"),
        }
        how = relation(verdict, said)
        counts[how or "same"] += 1
        if not is_listed[how]:
            bad.append(f"{how.upper()}: {found['seed']} {key}\n   reference: {verdict}\n   compat: {said['compat']}\n   strict: {said['strict']}")
    counts["strict only"] = sum(1 for line in out.splitlines() if '"trusted"},"strict":{"findings":["' in line)
    print(json.dumps({"part": "mutations", **counts, "unexpected": len(bad)}))
    return bad


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sub = ap.add_subparsers(dest="command", required=True)
    sub.add_parser("vectors")
    seeds = sub.add_parser("mutations")
    seeds.add_argument("--seeds", required=True)
    seeds.add_argument("--tool", help="the testkit's mutation-verdicts; built if not given")
    args = ap.parse_args()
    book = Book()
    bad = vectors(book) if args.command == "vectors" else mutations(book, args)
    print("\n".join(bad[:40]))
    if len(bad) > 40:
        print(f"... and {len(bad) - 40} more")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
