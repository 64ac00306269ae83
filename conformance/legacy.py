#!/usr/bin/env python3
"""The last scriptworker with GPG (22.1.0) against catena: each signs what the other verifies.

  legacy.py LEGACY_ORACLE

The reference is the published package, unchanged; names that Python has dropped since are put back before it is
imported. It keeps its own GPG homes, built by its own functions in both models, flat and signed. Two things are put
between it and GnuPG 2.2, which is younger than it: an option that is gone is dropped, and a finished home is copied with
its folders, as GnuPG 2.0 had none.
"""
import asyncio
import base64
import collections
import collections.abc
import datetime
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

for name in ("Callable", "Iterable", "Mapping", "MutableMapping", "Sequence", "Set"):
    if not hasattr(collections, name):
        setattr(collections, name, getattr(collections.abc, name))
if not hasattr(asyncio, "coroutine"):
    asyncio.coroutine = lambda function: function

from scriptworker import gpg as reference  # noqa: E402
from scriptworker.constants import DEFAULT_CONFIG  # noqa: E402
from scriptworker.context import Context  # noqa: E402
from scriptworker.cot.generate import generate_cot  # noqa: E402
from scriptworker.exceptions import ScriptWorkerGPGException  # noqa: E402

WITHOUT_SECRET_KEYRING = """#!/bin/bash
words=()
while (($#)); do
    if [[ $1 == --secret-keyring ]]; then shift 2; else words+=("$1"); shift; fi
done
exec gpg "${words[@]}"
"""
ORACLE = os.path.abspath(sys.argv[1])
done = 0


def with_folders(made, real):
    shutil.copytree(made, real, ignore=lambda _, names: [name for name in names if name.startswith("S.")])
    os.chmod(real, 0o700)


reference.overwrite_gpg_home = with_folders


def check(what, ok, detail=""):
    global done
    if not ok:
        sys.exit(f"NOT as expected: {what} {detail}")
    done += 1
    print(f"  {what}")


def gpg(home, *words, text=None):
    """The real gpg, for what a person did by hand: making and certifying keys."""
    command = ["gpg", "--homedir", str(home), "--batch", "--yes", "--quiet", "--pinentry-mode", "loopback", "--passphrase", "", *words]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


def home(path):
    path.mkdir(mode=0o700)
    # an old key ring, the one that the reference asks for by name
    (path / "pubring.gpg").touch()
    return path


def key(ring, name, algorithm="rsa2048"):
    gpg(ring, "--quick-generate-key", name, algorithm, "cert,sign", "0")
    listed = gpg(ring, "--with-colons", "--fingerprint", name)
    return next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr:"))


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def ours(*words):
    return subprocess.run([ORACLE, *map(str, words)], capture_output=True, text=True, check=False)


def context(root, ring):
    made = Context()
    made.config = dict(DEFAULT_CONFIG)
    seed = root / "ed25519"
    seed.write_text(base64.b64encode(bytes(32)).decode())
    # GnuPG 2.2 warns about an option that it no longer has, and the reference takes the warning for data
    program = root / "gpg"
    program.write_text(WITHOUT_SECRET_KEYRING)
    program.chmod(0o755)
    work = root / "work"
    work.mkdir()
    made.config.update(
        work_dir=str(work),
        gpg_path=str(program),
        gpg_home=str(ring),
        artifact_dir=str(root / "artifacts"),
        worker_id="signing-linux-3",
        worker_type="signing-linux-v1",
        sign_chain_of_trust=True,
        ed25519_private_key_path=str(seed),
    )
    public = root / "artifacts" / "public"
    public.mkdir(parents=True)
    (public / "target.tar.bz2").write_bytes(b"artifact")
    made.task = {"created": "2019-03-20T00:00:00.000Z", "payload": {"maxRunTime": 1}, "scopes": [], "metadata": {"name": "ünïcode -- name"}}
    made.claim_task = {
        "runId": 0,
        "task": made.task,
        "credentials": {},
        "workerGroup": "signing-linux-v1",
        "status": {"taskId": "LnshJjNXTfeBlPNrAzyy9w"},
    }
    # what the schema of 22.1.0 asks of a task
    made.task.update(
        dependencies=[], deadline="2019-03-21T00:00:00.000Z", expires="2020-03-20T00:00:00.000Z", extra={}, priority="normal",
        provisionerId="scriptworker-prov-v1", requires="all-completed", retries=5, routes=[], schedulerId="-", tags={},
        taskGroupId="LnshJjNXTfeBlPNrAzyy9w", workerType="signing-linux-v1",
    )
    made.task["metadata"].update(description="d", owner="a@example.org", source="https://example.org/x")
    return made


def reads(made, ring, text):
    """What the reference reads of a text, None if it refuses it."""
    try:
        return json.loads(reference.get_body(reference.GPG(made, gpg_home=str(ring)), text))
    except ScriptWorkerGPGException:
        return None


def main(root):
    person, worker, stranger = (home(root / name) for name in ("person", "worker", "stranger"))
    trusted = key(person, "person@example.org", "rsa4096")
    mine = key(worker, "cltsign@worker.example.org", "rsa4096")
    key(stranger, "stranger@example.org")
    files = {name: root / f"{name}.pub" for name in ("trusted", "plain", "certified", "stranger")}
    files["trusted"].write_text(gpg(person, "--armor", "--export"))
    files["plain"].write_text(gpg(worker, "--armor", "--export"))
    files["stranger"].write_text(gpg(stranger, "--armor", "--export"))
    gpg(person, "--import", str(files["plain"]))
    gpg(person, "--local-user", trusted, "--cert-digest-algo", "SHA256", "--quick-sign-key", mine)
    files["certified"].write_text(gpg(person, "--armor", "--export", mine))
    secret = root / "worker.sec"
    secret.write_text(gpg(worker, "--armor", "--export-secret-keys"))
    dirs = {name: root / f"dir-{name}" for name in files}
    for name, directory in dirs.items():
        directory.mkdir()
        (directory / "key.pub").write_bytes(files[name].read_bytes())

    # the reference signs
    made = context(root, worker)
    reference.create_gpg_conf(str(worker), my_fingerprint=mine)
    generate_cot(made)
    public = root / "artifacts" / "public"
    signed, plain = public / "chainOfTrust.json.asc", public / "chain-of-trust.json"
    for model, keys in (("flat", ["plain"]), ("bare", ["plain"]), ("certified", ["certified", "trusted"])):
        read = ours("verify", signed, now(), model, *(dirs[name] for name in keys))
        check(f"catena reads what the reference signed, {model}", read.returncode == 0, read.stderr)
        check("  and it is the unsigned document", json.loads(read.stdout) == json.loads(plain.read_text()))
    for keys in (["stranger"], ["certified", "stranger"], ["plain", "trusted"]):
        model = "flat" if len(keys) == 1 else "certified"
        refused = ours("verify", signed, now(), model, *(dirs[name] for name in keys))
        check(f"catena refuses it with {' and '.join(keys)}", refused.returncode == 1, refused.stderr)

    # we sign
    mine_asc = root / "ours.asc"
    written = ours("sign", secret, plain, now())
    check("catena signs", written.returncode == 0, written.stderr)
    mine_asc.write_text(written.stdout)
    pub, sec = root / "me.pub", root / "me.sec"
    own = home(root / "own")
    key(own, "verifier@example.org")
    pub.write_text(gpg(own, "--armor", "--export"))
    sec.write_text(gpg(own, "--armor", "--export-secret-keys"))
    flat, web, other = root / "flat", root / "web", root / "other"
    reference.rebuild_gpg_home_flat(made, str(flat), str(pub), str(sec), str(dirs["plain"]))
    reference.rebuild_gpg_home_signed(made, str(web), str(pub), str(sec), str(dirs["trusted"]), untrusted_path=str(dirs["certified"]))
    reference.rebuild_gpg_home_signed(made, str(other), str(pub), str(sec), str(dirs["trusted"]), untrusted_path=str(dirs["plain"]))
    document = json.loads(plain.read_text())
    for ring in (flat, web):
        check(f"the reference reads what catena signed, {ring.name}", reads(made, ring, mine_asc.read_text()) == document)
        check(f"the reference reads what it signed itself, {ring.name}", reads(made, ring, signed.read_text()) == document)
    check("the reference refuses a key that nobody certified", reads(made, other, mine_asc.read_text()) is None)

    # both refuse
    for what, text in (
        ("a changed body", signed.read_text().replace("signing-linux-3", "signing-linux-4")),
        ("a changed signature", mine_asc.read_text().replace(mine_asc.read_text().splitlines()[-4], mine_asc.read_text().splitlines()[-4].swapcase())),
        ("no signature", plain.read_text()),
    ):
        path = root / "changed.asc"
        path.write_text(text)
        refused = ours("verify", path, now(), "flat", dirs["plain"])
        check(f"catena refuses {what}: {refused.stderr.split(':')[0]}", refused.returncode == 1, refused.stderr)
        check(f"the reference refuses {what}", reads(made, flat, text) is None)

    # only catena refuses: what gpg verifies and what it extracts may differ (legacy.md 2.1)
    for what, text in (
        ("text before the block", '{"evil": true}\n' + signed.read_text()),
        ("text behind the block", signed.read_text() + '{"evil": true}\n'),
        ("two blocks", signed.read_text() * 2),
    ):
        path = root / "outside.asc"
        path.write_text(text)
        refused = ours("verify", path, now(), "flat", dirs["plain"])
        check(f"catena refuses {what}: {refused.stderr.split(':')[0]}", refused.returncode == 1, refused.stderr)
    print(f"{done} as expected")


with tempfile.TemporaryDirectory(prefix="cot") as directory:
    try:
        main(pathlib.Path(directory))
    finally:
        for ring in pathlib.Path(directory).iterdir():
            if (ring / "pubring.gpg").exists() or (ring / "trustdb.gpg").exists():
                subprocess.run(["gpgconf", "--homedir", str(ring), "--kill", "all"], check=False)
