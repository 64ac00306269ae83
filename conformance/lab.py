#!/usr/bin/env python3
"""Runs catena against the black-box lab and prints what it says.

    lab.py worlds    --lab LAB --catena BINARY [--full]     valid worlds are trusted
    lab.py forgeries --lab LAB --catena BINARY --differences docs/differences.md
                                                            forgeries are rejected for the right cause
    lab.py outage    --lab LAB --catena BINARY              an outage is undetermined, never a verdict

Exit 0 if every line is as expected, else 1. Needs the lab's virtual environment and its hosts: see lab.sh.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time

PROFILES = ("strict", "compat")
VERDICTS = {0: "trusted", 1: "rejected", 4: "undetermined"}
SMALL = ["m-hg", "m-relpro", "m-generic", "m-cron", "m-mirror", "m-push", "m-pr", "m-release", "m-gitcron", "m-gitaction", "s1", "s2", "s7", "s7g", "s8"]
LARGE = ["s3", "s4"]

# The finding that names the cause of each forgery; it must be among the findings of both profiles.
CAUSES = {
    "artifact-digest": "tampered_artifact truncated_artifact weak_hash_in_cot",
    "artifact-not-listed": "artifact_missing_from_cot",
    "cot-signature": "wrong_signature_key signed_by_other_implementation",
    "cot-task": "cot_of_another_task",
    "graph-member": "task_not_in_graph",
    "graph-match": "modified_command modified_env extra_dependency",
    "interactive": "interactive_docker_worker interactive_docker_worker_env interactive_generic_worker_rdp interactive_generic_worker_scope",
    "image-link": "docker_image_sha_mismatch docker_image_other_task",
    "image-prebuilt": "docker_image_prebuilt docker_image_indexed",
    "docker-image-pool": "docker_image_wrong_pool",
    "rebuild-mismatch": "decision_payload_changed decision_image_changed decision_extra_scope in_tree_template_changed push_by_someone_else "
    "action_input_changed action_permission_changed action_parameters_changed cron_job_changed release_of_another_branch",
    "decision-pool": "decision_wrong_pool",
    "restricted-tree": "restricted_scope_from_untrusted_repo scope_above_the_branch",
    "try-or-pull-request": "restricted_scope_on_pull_request",
    "source-repository": "source_repo_mismatch",
    "sibling-tree": "sibling_from_other_repo mirror_scope_on_unknown_fork",
    "not-scriptworker": "signing_not_on_scriptworker",
    "worker-implementation": "ambiguous_worker",
    "task-type": "unknown_upstream_type",
    "artifact-name": "path_outside_directory",
    "action-definition": "action_not_declared action_kind_task",
    "landed": "commit_not_landed",
    "evidence-absent": "pusher_login_irrelevant_but_ref_changed",
    "hollow-digest": "own_empty_hash_list",
}
CAUSE = {name: finding for finding, names in CAUSES.items() for name in names.split()}


class Table:
    """Rows for people, and whether all were as expected."""

    def __init__(self, *widths):
        self.widths, self.rows, self.bad = widths, 0, 0

    def row(self, good, *cells):
        self.rows += 1
        self.bad += not good
        print("ok    " if good else "WRONG ", "  ".join(f"{c:<{w}}" for c, w in zip(cells, self.widths)).rstrip(), flush=True)

    def done(self, what):
        print(json.dumps({"part": what, "lines": self.rows, "unexpected": self.bad}), flush=True)
        return 1 if self.bad or not self.rows else 0


class Catena:
    def __init__(self, binary, labnet):
        self.binary, self.env = binary, labnet.environment()
        for name in ("CATENA_GITHUB_TOKEN", "SCRIPTWORKER_GITHUB_OAUTH_TOKEN", "CATENA_LOG"):
            self.env.pop(name, None)

    def command(self, meta, profile, config, *flags):
        return [self.binary, "verify", meta["task_id"], "--type", meta["task_type"], "--product", meta["product"], "--config", config, "--profile", profile, "--json", "--no-cache", *flags]

    def ask(self, *args):
        done = subprocess.run(self.command(*args), env=self.env, stdin=subprocess.DEVNULL, capture_output=True, timeout=600)
        return answer(done.returncode, done.stdout, done.stderr)


def answer(code, out, err):
    """-> verdict and finding ids; a verdict that the exit status contradicts is no verdict."""
    try:
        report = json.loads(out)
        verdict, ids = report["verdict"], [f["id"] for f in report["findings"]]
    except (ValueError, KeyError, TypeError):
        return f"exit {code}: {err.decode(errors='replace').strip()[-200:]}", []
    return (verdict if VERDICTS.get(code) == verdict else f"{verdict}, but exit {code}"), ids


def said(verdict, ids):
    return f"{verdict} {ids[0]}" if ids else verdict


def load(directory):
    with open(os.path.join(directory, "world.json")) as fh:
        return json.load(fh), os.path.join(directory, "scriptworker.yaml")


# ---------------------------------------------------------------- valid worlds
def valid_worlds(args, catena, labnet, worlds):
    table = Table(12, 16, 8, 16, 60)
    with labnet.Server():
        for name in SMALL + (LARGE if args.full else []):
            directory = worlds.make(name)
            meta, config = load(directory)
            labnet.call("/world", {"dir": directory})
            for served, options in (("plain", {}), ("redirect, gzip", {"redirect": True, "gzip": True})):
                labnet.call("/options", {"latency_ms": 0, "redirect": False, "gzip": False, **options})
                for profile in PROFILES:
                    for flag in ("--no-check-task", "--check-task"):
                        verdict, ids = catena.ask(meta, profile, config, flag)
                        table.row(verdict == "trusted", name, served, profile, flag, said(verdict, ids))
        labnet.call("/options", {"latency_ms": 0, "redirect": False, "gzip": False})
    unknown = set(worlds.SCENARIOS) - set(SMALL) - set(LARGE)
    if unknown:
        table.row(False, "the lab has scenarios that are not tried:", ", ".join(sorted(unknown)))
    return table.done("worlds")


# ---------------------------------------------------------------- forgeries
def lenient_cases(path):
    """name -> {profile: (verdict, finding id or None)}, from the section of docs/differences.md."""
    with open(path) as fh:
        section = re.search(r"^## The lab's lenient cases\n(.*?)(?=^## |\Z)", fh.read(), re.M | re.S)
    if not section:
        raise SystemExit(f"{path} has no section \"The lab's lenient cases\"")
    cases = {}
    for name, compat, strict, check in re.findall(r"^\| `(\w+)` \| (trusted|rejected) \| (trusted|rejected) \| \[([a-z0-9-]+)\]", section[1], re.M):
        verdicts = {"strict": strict, "compat": compat}
        cases[f"lenient_{name}"] = {p: (v, check if v == "rejected" else None) for p, v in verdicts.items()}
    return cases


def expectation(name, expect, lenient):
    """-> {profile: (verdict, finding that must be there, or None)}; falsy where nothing is written down."""
    if name.startswith("lenient_"):
        return name in lenient and lenient[name]
    if expect == "pass":
        return dict.fromkeys(PROFILES, ("trusted", None))
    return name in CAUSE and dict.fromkeys(PROFILES, ("rejected", CAUSE[name]))


def empty_hash_list(world):
    """S9: the lab's own case of that name lists the hash again when it seals its changes."""
    import attacks

    artifact = attacks.art(world, "build0")
    changes = world.edit_json("cot:build0", lambda c: c["artifacts"].update({"public/build/target.tar.xz": {}}))
    return {**changes, artifact: attacks.flip(world.get(artifact))}


def forgeries(args, catena, labnet, worlds):
    import attacks
    import mutate

    lenient, loaded, table = lenient_cases(args.differences), {}, Table(46, 17, 32, 32)
    with labnet.Server():
        labnet.call("/options", {"latency_ms": 0, "redirect": False, "gzip": False})
        for name, (where, expect, forge) in [*attacks.ATTACKS.items(), ("own_empty_hash_list", ("m-hg", "fail", empty_hash_list))]:
            if args.only and args.only not in name:
                continue
            expected = expectation(name, expect, lenient)
            if where not in loaded:
                loaded[where] = mutate.Loaded(worlds.make(where))
            world = loaded[where]
            labnet.call("/world", {"dir": world.dir})
            labnet.overlay(forge(world))
            config, good, cells = os.path.join(world.dir, "scriptworker.yaml"), bool(expected), []
            for profile in PROFILES:
                verdict, ids = catena.ask(world.meta, profile, config, "--no-check-task")
                if expected:
                    wanted, cause = expected[profile]
                    good = good and verdict == wanted and (cause is None or cause in ids)
                    ids.sort(key=lambda i: i != cause)
                cells.append(said(verdict, ids))
            shown = expected[PROFILES[0]][0] if expected else "?"
            if expected and expected["strict"][0] != expected["compat"][0]:
                shown = "/".join(expected[p][0] for p in PROFILES)
            table.row(good, name, shown, *cells)
        labnet.call("/overlay", {})
    return table.done("forgeries")


# ---------------------------------------------------------------- outages
QUEUE = r"^https://firefox-ci-tc\.services\.mozilla\.com/api/queue/v1/task/"
# Kinds of requests, by world; a fault on each must leave the chain undetermined. `{root}` is the verified task.
KINDS = {
    "m-hg": {
        "definition of the root": QUEUE + "{root}$",
        "definitions": QUEUE + "(?!{root})[^/]+$",
        "status": QUEUE + "[^/]+/status$",
        "chain-of-trust": r"/public/chain-of-trust\.json$",
        "signature": r"/public/chain-of-trust\.json\.sig$",
        "artifact": r"/public/build/target\.tar\.xz$",
        "task graph": r"/public/task-graph\.json$",
        "template": r"^https://hg\.mozilla\.org/.*/\.taskcluster\.yml$",
        "pushlog": r"^https://hg\.mozilla\.org/.*/json-pushes",
        "projects": r"/projects\.yml$",
    },
    "m-relpro": {"actions": r"/public/actions\.json$", "parameters": r"/public/parameters\.yml$"},
    "m-push": {
        "template": r"\.taskcluster\.yml",
        "commit and landed": r"^https://(api\.)?github\.com/",
    },
}
FAULTS = {
    "500": {"kind": "status", "status": 500},
    "401": {"kind": "status", "status": 401},
    "truncated": {"kind": "truncate"},
    "dropped": {"kind": "drop"},
    "a page": {"kind": "status", "status": 200},
}
# An artifact may well be a page: its signed digest says that this is not the right one, so it is rejected.
PAGES = {"signature", "artifact", "actions", "parameters"}
KILL_AFTER = (0.3, 0.6, 1.0)
FOREVER = 1_000_000


def hasty(config, directory):
    """A copy of a world's configuration that gives up soon."""
    with open(config) as fh:
        value = json.load(fh)
    value.setdefault("x_cot", {})["retry"] = {"base": 0.02, "cap": 0.05, "attempts": 2, "deadline": 20}
    path = os.path.join(directory, "hasty.json")
    with open(path, "w") as fh:
        json.dump(value, fh)
    return path


def faults(catena, labnet, worlds, scratch, table):
    with labnet.Server():
        for name, kinds in KINDS.items():
            directory = worlds.make(name)
            meta, config = load(directory)
            config = hasty(config, scratch)
            labnet.call("/world", {"dir": directory})
            for kind, pattern in kinds.items():
                pattern = pattern.replace("{root}", meta["task_id"])
                for fault, how in FAULTS.items():
                    if fault == "a page" and kind in PAGES:
                        continue
                    for profile in PROFILES:
                        labnet.call("/reset", {})
                        labnet.call("/faults", [{"match": pattern, "times": FOREVER, **how}])
                        verdict, ids = catena.ask(meta, profile, config, "--no-check-task")
                        hit = any(re.search(pattern, url) for url in labnet.call("/stats")["per_url"])
                        verdict = verdict if hit else f"{verdict}, and was never asked for"
                        table.row(verdict == "undetermined", name, f"{kind}: {fault}", profile, said(verdict, ids))
        labnet.call("/reset", {})


def kills(catena, labnet, worlds, scratch, table):
    name = "m-hg"
    directory = worlds.make(name)
    meta, config = load(directory)
    config = hasty(config, scratch)
    for after in KILL_AFTER:
        for profile in PROFILES:
            with labnet.Server() as server:
                labnet.call("/world", {"dir": directory})
                labnet.call("/options", {"latency_ms": 200})
                child = subprocess.Popen(catena.command(meta, profile, config, "--no-check-task"), env=catena.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                time.sleep(after)
                answered, early = labnet.call("/stats")["requests"], child.poll() is not None
                server.child.kill()
                out, err = child.communicate(timeout=120)
            verdict, ids = answer(child.returncode, out, err)
            if early:
                verdict = f"{verdict}, but before the kill"
            table.row(verdict == "undetermined", name, f"killed after {after} s, {answered} answers", profile, said(verdict, ids))


def outage(args, catena, labnet, worlds):
    try:
        labnet.call("/health")
        raise SystemExit("a lab server is running that this script did not start; the outage part kills its own: stop the other first")
    except OSError:
        pass
    table = Table(10, 36, 8, 40)
    with tempfile.TemporaryDirectory() as scratch:
        kills(catena, labnet, worlds, scratch, table)
        faults(catena, labnet, worlds, scratch, table)
    return table.done("outage")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("part", choices=["worlds", "forgeries", "outage"])
    ap.add_argument("--lab", required=True)
    ap.add_argument("--catena", required=True)
    ap.add_argument("--differences", default="docs/differences.md")
    ap.add_argument("--only", help="forgeries whose name contains this")
    ap.add_argument("--full", action="store_true", help="the worlds of a gigabyte too")
    args = ap.parse_args()
    sys.path.insert(0, args.lab)
    sys.dont_write_bytecode = True  # the lab may be read-only
    import labnet
    import world as worlds

    run = {"worlds": valid_worlds, "forgeries": forgeries, "outage": outage}[args.part]
    return run(args, Catena(args.catena, labnet), labnet, worlds)


if __name__ == "__main__":
    sys.exit(main())
