#!/usr/bin/env python3
"""One published release of scriptworker judges recorded chains of the GPG era; `legacy_chains.py` starts it.

  legacy_release.py CASE...

Its `verify_chain_of_trust` judges, with `verify_cot_signature` on, in GPG homes that it built itself from the key files of the
tag in force. Then it verifies the root's own document, as it would in a chain that goes on. It writes JSON: its version, and
of each case what it says against the chain as it was recorded, and against the chain made complete.

The package is unchanged. What is put between it and today: names that Python dropped, and that of a module which became a
keyword; GnuPG 2.2, as for `legacy.py`, and the time when the root was resolved; the network, which answers from the recorded
evidence alone; no time passes between attempts; and nobody asks git for the signature of the tag, which is not recorded.

Complete: releases since 7.0.0 want two artifacts of every decision task that only actions need, and the recorded ones have
none. Where that is what a release says, both are added and the decision task's text is signed anew, by the verifier itself.
"""
import asyncio
import collections
import collections.abc
import copy
import hashlib
import importlib.machinery
import importlib.metadata
import json
import logging
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.parse

from legacy_evidence import HERE, LIST, ROOT, SIGNED, Evidence, network

ADDED = {"public/actions.json": b'{"actions": []}', "public/parameters.yml": b"{}\n"}
# an option that is gone, and a warning that the reference takes for data
PROGRAM = """#!/bin/bash
words=()
while (($#)); do
    if [[ $1 == --secret-keyring ]]; then shift 2; else words+=("$1"); shift; fi
done
exec gpg --faked-system-time %d "${words[@]}" 2> >(grep --line-buffered -v 'running with faked system time' >&2)
"""
WITHOUT_ACTIONS = re.compile(r"path public/(actions\.json|parameters\.yml) not in signing:parent \S+ chain of trust artifacts!")


def put_names_back():
    for name in ("Callable", "Iterable", "Mapping", "MutableMapping", "Sequence", "Set"):
        if not hasattr(collections, name):
            setattr(collections, name, getattr(collections.abc, name))
    if not hasattr(asyncio, "coroutine"):
        asyncio.coroutine = lambda function: function
    loader = importlib.machinery.SourceFileLoader
    compiled = loader.source_to_code

    def renamed(self, data, path, **options):
        return compiled(self, data.replace(b"from taskcluster.async import", b"from taskcluster.aio import"), path, **options)

    loader.source_to_code = renamed


class Judge:
    """A release of scriptworker, and the GPG homes that it built."""

    def __init__(self, base):
        put_names_back()
        logging.disable(logging.CRITICAL)
        import yaml
        from scriptworker import config, constants, exceptions, gpg
        from scriptworker.context import Context
        from scriptworker.cot import verify
        from taskcluster.exceptions import TaskclusterFailure

        self.base, self.homes, self.yaml, self.failure = base, {}, yaml, TaskclusterFailure
        self.config, self.constants, self.errors, self.gpg, self.verify, self.Context = config, constants, exceptions, gpg, verify, Context
        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        sleep = asyncio.sleep
        asyncio.sleep = lambda _seconds, *more: sleep(0, *more)
        gpg.overwrite_gpg_home = lambda made, real: shutil.copytree(
            made, real, ignore=lambda _, names: [name for name in names if name.startswith("S.")], copy_function=shutil.copy2)

    def settings(self, case, work):
        """The policy and configuration of a case, as this release writes them."""
        policy = json.loads((HERE / LIST["policy"]).read_text())
        made = self.config.apply_product_config(self.config.get_unfrozen_copy(self.constants.DEFAULT_CONFIG))
        path = urllib.parse.urlparse
        trees = {name: [path(url).path for url in urls] for name, urls in policy["trees"].items()}
        # as in its own rules a tree ends with its name; of other repositories, only places of their files are told apart
        known = ["^(?P<path>%s)(/|$)" % re.escape(tree) for urls in trees.values() for tree in urls]
        others = "^(?P<path>%s[^/]+(/[^/]+)??)(/(raw-)?file/.*|/?)$"
        rules = [{"schemes": [it.scheme], "netlocs": [it.netloc], "path_regexes": [*known, others % re.escape(it.path)]}
                 for it in map(path, policy["repositories"])]
        made.update(
            verify_cot_signature=True, work_dir=str(work / "work"), artifact_dir=str(work / "artifacts"), task_log_dir=str(work / "logs"),
            cot_restricted_scopes=policy["restricted_scopes"],
            cot_restricted_trees=trees, valid_vcs_rules=rules,
        )
        made["ed25519_public_keys"] = {}
        if "config" in case:
            made.update(self.yaml.safe_load((HERE / case["config"]).read_text()))
        if "min_cot_version" in made:
            made["min_cot_version"] = 2  # nothing falls back to version 1
        return made

    def home(self, made, moment):
        """GPG homes from the keys in force at a time, with a key of this verifier's own."""
        if moment in self.homes:
            return self.homes[moment]
        base = self.base / str(len(self.homes))
        keys = json.loads((HERE / LIST["keys"]).read_text())
        tag = [tag for tag in keys["tags"] if tag["date"] <= moment.strftime("%Y-%m-%dT%H:%M:%SZ")][-1:]
        for family in made["gpg_homedirs"]:
            (base / "keys" / family).mkdir(parents=True)
        for name in ("trusted", "valid"):
            (base / "keys/scriptworker" / name).mkdir()
        for files in tag[0]["families"].values() if tag else ():
            for name, digest in files.items():
                (base / "keys" / name).parent.mkdir(parents=True, exist_ok=True)
                (base / "keys" / name).write_text(keys["keys"][digest])
        program, own = base / "gpg", base / "own"
        program.write_text(PROGRAM % moment.timestamp())
        program.chmod(0o755)
        own.mkdir(mode=0o700)
        gpg = [str(program), "--homedir", str(own), "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""]
        for file, words in (("", ["--quick-generate-key", "verifier@example.org", "rsa2048", "cert,sign", "0"]),
                            ("pub", ["--armor", "--export"]), ("sec", ["--armor", "--export-secret-keys"])):
            (base / f"own.{file}").write_bytes(subprocess.run([*gpg, *words], capture_output=True, check=True).stdout)
        self.homes[moment] = dict(gpg_path=str(program), base_gpg_home_dir=str(base / "homes"), git_key_repo_dir=str(base / "keys"),
                                  pubkey_path=str(base / "own.pub"), privkey_path=str(base / "own.sec"))
        context = self.Context()
        context.config = {**made, **self.homes[moment]}
        self.gpg.build_gpg_homedirs_from_repo(context, "its tag", verify_function=lambda *_: asyncio.sleep(0))
        return self.homes[moment]

    def context(self, evidence, work):
        made = self.Context()
        made.config = self.settings(evidence.case, work)
        made.config.update(self.home(made.config, evidence.resolved()))
        made.queue, made.session = network(evidence, self.failure)
        made.task = evidence.json("definition", ROOT)
        return made

    def refusal(self, evidence):
        """What the release says against a chain, None if it has nothing to say."""
        with tempfile.TemporaryDirectory(dir=self.base) as work:
            context = self.context(evidence, pathlib.Path(work))
            try:
                chain = self.verify.ChainOfTrust(context, "signing", task_id=ROOT)
                self.loop.run_until_complete(self.verify.verify_chain_of_trust(chain))
                link = self.verify.LinkOfTrust(context, "signing", ROOT)
                link.task = copy.deepcopy(context.task)
                chain.links = [link]
                self.loop.run_until_complete(self.verify.download_cot(chain))
                self.verify.verify_cot_signatures(chain)
            except (self.errors.CoTError, self.errors.DownloadError) as error:
                return str(error.args[0]).replace(work, "")  # as text, a KeyError would quote it
        return None

    def complete(self, evidence):
        """Adds to the decision task what only actions need, and signs its text as the verifier, whom its homes trust."""
        decision = evidence.json("definition", ROOT)["taskGroupId"]
        with tempfile.TemporaryDirectory(dir=self.base) as work:
            context = self.context(evidence, pathlib.Path(work))
            gpg = self.gpg.GPG(context, gpg_home=os.path.join(context.config["base_gpg_home_dir"], "docker-worker"))
            document = json.loads(self.gpg.get_body(gpg, evidence.answers["artifact", decision, SIGNED].decode()))
            for name, content in ADDED.items():
                document["artifacts"][name] = {"sha256": hashlib.sha256(content).hexdigest()}
                evidence.answers["artifact", decision, name] = content
            evidence.answers["artifact", decision, SIGNED] = self.gpg.sign(gpg, json.dumps(document, indent=2)).encode()


def main(names):
    said = {}
    with tempfile.TemporaryDirectory(prefix="cot") as directory:
        base = pathlib.Path(directory)
        judge = Judge(base)
        try:
            for name in names:
                evidence = Evidence(LIST["cases"][name])
                recorded = completed = judge.refusal(evidence)
                if recorded and WITHOUT_ACTIONS.fullmatch(recorded):
                    judge.complete(evidence)
                    completed = judge.refusal(evidence)
                said[name] = (recorded, completed)
        finally:
            for ring in [*base.glob("*/own"), *base.glob("*/homes/*")]:
                subprocess.run(["gpgconf", "--homedir", str(ring), "--kill", "all"], check=False)
    print(json.dumps({"version": importlib.metadata.version("scriptworker"), "said": said}))


if __name__ == "__main__":
    main(sys.argv[1:])
