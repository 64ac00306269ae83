"""Each worker's documents, judged by the other side's code; for beside.py."""
import importlib.resources
import json
import os
import subprocess

from scriptworker.client import validate_json_schema
from scriptworker.ed25519 import ed25519_public_key_from_string, verify_ed25519_signature
from scriptworker.exceptions import ScriptWorkerException
from scriptworker.utils import get_hash

DOCUMENT, SIGNATURE = "public/chain-of-trust.json", "public/chain-of-trust.json.sig"
SCHEMA = json.loads(importlib.resources.files("scriptworker").joinpath("data", "cot_v1_schema.json").read_text())


def documents(side):
    """-> (run, artifacts) of the runs that have a document."""
    return [(run, artifacts) for run, artifacts in enumerate(side.runs) if DOCUMENT in artifacts]


def catena(*words):
    return subprocess.run([os.environ["CATENA"], *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True, text=True)


def tree(directory, artifacts):
    """The artifacts as files again, without the documents."""
    for name, artifact in artifacts.items():
        if name not in (DOCUMENT, SIGNATURE):
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(artifact.body)
    return directory


def theirs_by_catena(check, what, tmp, daemon, side, run, artifacts):
    """Signature, and every byte of the document: catena makes the same one of the same files."""
    body = tmp / "body"
    body.write_bytes(artifacts[DOCUMENT].body)
    (tmp / "signature").write_bytes(artifacts[SIGNATURE].body)
    signed = catena("check-sig", "--pub", daemon.public_key, body, tmp / "signature")
    check.equal(f"{what}: their signature, by catena ({signed.stderr.strip()})", signed.returncode, 0)
    body.write_bytes(artifacts[DOCUMENT].body + b" ")
    check.equal(f"{what}: their signature of other bytes, by catena", catena("check-sig", "--pub", daemon.public_key, body, tmp / "signature").returncode, 1)
    files = tree(tmp / "files", artifacts)
    (tmp / "task.json").write_text(json.dumps(side.definition))
    names = ("--worker-group", "conformance", "--worker-id", daemon.config["worker_id"], "--worker-type", daemon.config["worker_type"])
    made = catena("generate", files, "--task", tmp / "task.json", "--task-id", side.task, "--run-id", run, *names, "--unsigned", "--environment", "minimal", "--quiet")
    if check.equal(f"{what}: catena generate ({made.stderr.strip()[-300:]})", made.returncode, 0):
        check.equal(f"{what}: their document, by catena", artifacts[DOCUMENT].body.decode(), (files / DOCUMENT).read_text())


def ours_by_reference(check, what, tmp, daemon, side, run, artifacts):
    """Signature, schema, whose document it is, and the digest of each artifact."""
    key = ed25519_public_key_from_string(daemon.public_key)
    signed = lambda body: verify_ed25519_signature(key, body, artifacts[SIGNATURE].body, "the signature is not of this key")
    body = artifacts[DOCUMENT].body
    try:
        signed(body)
        validate_json_schema(json.loads(body), SCHEMA, name="chain of trust")
    except ScriptWorkerException as why:
        check.true(f"{what}: our signature and schema, by scriptworker", False, why)
    try:
        signed(body + b" ")
        check.true(f"{what}: our signature of other bytes, by scriptworker", False)
    except ScriptWorkerException:
        pass
    cot = json.loads(body)
    found = {key: cot[key] for key in ("chainOfTrustVersion", "runId", "taskId", "workerGroup", "workerId", "workerType", "task")}
    names = {"workerGroup": "conformance", "workerId": daemon.config["worker_id"], "workerType": daemon.config["worker_type"]}
    check.equal(f"{what}: whose document ours is", found, {"chainOfTrustVersion": 1, "runId": run, "taskId": side.task, **names, "task": side.definition})
    files = tree(tmp / "files", artifacts)
    digests = {name: {"sha256": get_hash(str(files / name), "sha256")} for name in artifacts if name not in (DOCUMENT, SIGNATURE)}
    check.equal(f"{what}: digests in ours, by scriptworker", cot["artifacts"], digests)


def judge(check, tmp, daemons, rows, whole):
    """All documents of both sides."""
    judged = [0, 0]
    for row in rows:
        # these ends differ altogether
        if row.outcomes:
            continue
        for side, (task, by) in enumerate(((row.ours, ours_by_reference), (row.theirs, theirs_by_catena))):
            for run, artifacts in documents(task):
                place = tmp / f"{side}-{judged[side]}"
                place.mkdir()
                by(check, f"{row.name}, run {run}", place, daemons[side], task, run, artifacts)
                judged[side] += 1
        if row.difference != "lost claim":
            check.equal(f"{row.name}: runs with a document", [run for run, _ in documents(row.ours)], [run for run, _ in documents(row.theirs)])
    print(f"judged   documents: {judged[0]} of catena worker by scriptworker's code, {judged[1]} of scriptworker by catena")
    check.true("documents on both sides", min(judged) > (150 if whole else 0), judged)
