#!/usr/bin/env python3
"""Two published release scripts, unmodified, under `catena worker` with verification on; run by local.sh through bucket.py.

The graph (`release/graph.yml`) is pushed to the demo's repository and decided, built and signed for by the demo's workers.
Then `beetmoverscript` uploads the verified product to a bucket (push-to-candidates, by an artifact map), copies it
(push-to-releases), and `shipitscript` marks the release as shipped. A worker that does not trust the build's key comes
first: it must not let the script near the bucket. In the end, `catena verify` and the published `scriptworker` follow the
chain back from each of the tasks, the documents of `catena worker` included.

S3 is what AWS_ENDPOINT_URL names; without it, or if that is not loopback, this refuses to start.
"""
import hashlib
import json
import os
import pathlib
import sys
import tempfile
import urllib.parse

import boto3
import taskcluster
import yaml

from checks import Checks
from daemon import HERE, Daemon, content, resolved, wait
from demo_push import of_the_push, push
from front import Front
from server import Server
from shipit import ShipIt
from verdicts import by_catena, by_reference

check = Checks("release scripts")
BIN = pathlib.Path(sys.executable).parent
BUCKET, KEYS = "candidates-and-releases", {"id": "an-id", "key": "a-key"}
CANDIDATES, RELEASES = "pub/firefox/candidates/99.0-candidates/build1", "pub/firefox/releases/99.0"
SCOPES = [
    *(f"project:demo:beetmover:{scope}" for scope in ("bucket:dep", "action:push-to-candidates", "action:push-to-releases")),
    *(f"project:demo:ship-it:{scope}" for scope in ("server:local", "action:mark-as-shipped")),
]
RELEASE = "Firefox-99.0-build1"
# key below the candidates -> artifact of the build, and the type that the script gives it
UPLOADS = {
    "linux-x86_64/en-US/firefox-99.0.tar.bz2": ("target.tar.bz2", "application/x-tar"),
    "linux-x86_64/en-US/firefox-99.0.tar.bz2.asc": ("target.tar.bz2.asc", "text/plain"),
    "update/linux-x86_64/en-US/firefox-99.0.complete.mar": ("target.complete.mar", "application/octet-stream"),
    "copies/firefox-99.0.complete.mar": ("target.complete.mar", "application/octet-stream"),
    "linux-x86_64/en-US/firefox-99.0.txt": ("target.txt", "text/plain"),
    "linux-x86_64/en-US/firefox-99.0.json": ("target.json", "application/json"),
    "linux-x86_64/xpi/de.xpi": ("target.langpack.xpi", "application/x-xpinstall"),
}


def s3():
    """A client of the bucket's server; never of AWS."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
    if urllib.parse.urlsplit(endpoint).hostname != "127.0.0.1":
        raise SystemExit(f"AWS_ENDPOINT_URL must name a server on 127.0.0.1, found {endpoint!r}: start this through bucket.py")
    return boto3.client("s3", aws_access_key_id=KEYS["id"], aws_secret_access_key=KEYS["key"])


class Scripts:
    """A worker for each of the two scripts, with what deployments configure for them."""

    def __init__(self, tmp, server, shipit):
        self.trust = yaml.safe_load(pathlib.Path(server.config).read_text())
        command = [os.environ["CATENA"], "worker"]
        self.mover = Daemon(tmp / "mover", server.options, "demo-3-beetmover", [], command)
        self.shipper = Daemon(tmp / "shipper", server.options, "demo-3-shipit", [], command)
        keys = self.trust["ed25519_public_keys"]
        keys["scriptworker"] = [*keys["scriptworker"], self.mover.public_key, self.shipper.public_key]
        self.trust["cot_restricted_scopes"]["by-cot-product"]["demo"] |= {scope: "hello" for scope in SCOPES}
        bucket = {"credentials": KEYS, "buckets": {"firefox": BUCKET}, "url_prefix": "https://archive.example.com"}
        self.configure(
            self.mover,
            "beetmover",
            "beetmoverscript",
            taskcluster_scope_prefix="project:demo:beetmover:",
            aiohttp_max_connections=10,
            checksums_digests=["sha512", "sha256"],
            schema_file=str(next(BIN.parent.glob("lib/*/site-packages/beetmoverscript/data/artifactMap_beetmover_task_schema.json"))),
            bucket_config={"dep": bucket},
        )
        instance = {"api_root_v2": shipit.url, "taskcluster_client_id": shipit.credentials["clientId"], "taskcluster_access_token": shipit.credentials["accessToken"], "timeout_in_seconds": 10}
        self.configure(self.shipper, "shipit", "shipitscript", taskcluster_scope_prefix="project:demo:ship-it:", ship_it_instances={"project:demo:ship-it:server:local": instance})

    def configure(self, daemon, kind, script, **own):
        """The worker runs the script with a configuration file of its own, which names the same directories."""
        path = daemon.directory / "script.json"
        path.write_text(json.dumps({"work_dir": daemon.config["work_dir"], "artifact_dir": daemon.config["artifact_dir"], "verbose": True, **own}))
        daemon.configure(**{**self.trust, "cot_job_type": kind}, task_script=[str(BIN / script), str(path)])


def objects(client, prefix):
    """-> key below the prefix: type and content."""
    keys = [entry["Key"] for entry in client.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])]
    found = {}
    for key in keys:
        answer = client.get_object(Bucket=BUCKET, Key=key)
        found[key.removeprefix(prefix + "/")] = (answer["ContentType"], answer["Body"].read())
    return found


def outcome(queue, task, daemon, what, expected):
    """Waits for the last run of a task; shows what the worker says when it is not as expected."""
    runs = wait(queue, task, resolved)["runs"]
    good = check.equal(what, (runs[-1]["state"], runs[-1].get("reasonResolved")), expected)
    if not good:
        print(daemon.log()[-6000:])
    return good


def distrusted(queue, scripts, task, client):
    """With another key for the build's workers the script never runs."""
    keys = scripts.trust["ed25519_public_keys"]
    scripts.mover.configure(ed25519_public_keys={**keys, "docker-worker": keys["scriptworker"]})
    with scripts.mover as mover:
        outcome(queue, task, mover, "a product that is not trusted", ("exception", "malformed-payload"))
    check.equal("it does not get into the bucket", objects(client, "pub"), {})
    check.true("the log says why", b"REJECTED" in content(queue, task, 0, "public/logs/live_backing.log"))
    scripts.mover.configure(ed25519_public_keys=keys)
    queue.rerunTask(task)


def candidates(queue, tasks, client):
    """What the script made of the verified artifacts."""
    built = {name: content(queue, tasks["build"], 0, f"public/build/{name}") for name, _ in UPLOADS.values()}
    check.equal("the candidate in the bucket", objects(client, CANDIDATES), {key: (mime, built[name]) for key, (name, mime) in UPLOADS.items()})
    head = client.head_object(Bucket=BUCKET, Key=f"{CANDIDATES}/linux-x86_64/en-US/firefox-99.0.txt")
    check.equal("how long it may be kept", head["CacheControl"], "public, max-age=14400")
    task = tasks["beetmover-candidates"]
    lines = sorted(content(queue, task, 1, "public/target.checksums").decode().splitlines())
    wanted = {}
    for key, (name, _) in UPLOADS.items():
        if not key.startswith("copies/"):
            wanted |= {f"{hashlib.new(algorithm, built[name]).hexdigest()} {algorithm} {len(built[name])} {key}": True for algorithm in ("sha512", "sha256")}
    check.equal("the checksums that the worker uploaded", lines, sorted(wanted))
    (entry,) = json.loads(content(queue, task, 1, "public/manifest.json"))
    mar = built["target.complete.mar"]
    check.equal("the manifest that the worker uploaded", entry["completeInfo"], [{"hash": hashlib.sha512(mar).hexdigest(), "size": len(mar), "url": f"https://archive.example.com/{CANDIDATES}/update/linux-x86_64/en-US/firefox-99.0.complete.mar"}])


def releases(client):
    """What the script copied: all but what it excludes by name."""
    found = objects(client, CANDIDATES)
    copied = {key: value for key, value in found.items() if not key.endswith((".txt", ".json"))}
    check.equal("the release in the bucket", objects(client, RELEASES), copied)
    check.equal("that is, so many objects", len(copied), 5)


def shipped(shipit):
    me = shipit.credentials["clientId"]
    check.equal(
        "what Ship It was asked",
        shipit.requests,
        [("PATCH", f"/releases/{RELEASE}", me, '{"status": "shipped"}'), ("POST", "/product-details", me, "{}"), ("GET", f"/releases/{RELEASE}", None, "")],
    )
    check.equal("what has become of the release", shipit.releases[RELEASE], {"name": RELEASE, "status": "shipped"})


def followed_back(queue, tmp, server, scripts, task, kind, run):
    """The worker verified before, and what it wrote can be verified, by both."""
    log = content(queue, task, run, "public/logs/chain_of_trust.log").decode().splitlines()
    check.true(f"{kind}: verified before the script ran", log[1].startswith("TRUSTED") and log[-1] == "Good.", log[:2])
    path = tmp / "verify.yaml"
    path.write_text(yaml.safe_dump(scripts.trust))
    status, report = by_catena(str(path), task, kind, "demo", "--check-task")
    if not check.equal(f"{kind}: its own document, by catena", (status, report["verdict"]), (0, "trusted")):
        print(report)
    hosts = {origin.split("//")[1]: tuple(actual.split("//")[1].split(":")) for origin, actual in server.endpoints.items()}
    with Front(hosts, str(tmp / "ca.pem")) as front:
        check.equal(f"{kind}: its own document, by scriptworker", by_reference(front, scripts.trust, server.options, task, kind), "pass")


def main():
    client = s3()
    client.create_bucket(Bucket=BUCKET)
    shipit = ShipIt({RELEASE: {"name": RELEASE, "status": "pushed"}}, {"clientId": "ship-it-client", "accessToken": "ship-it-token"})
    with tempfile.TemporaryDirectory() as directory, Server(os.path.join(directory, "server"), flags=["--with-workers"]) as server, shipit:
        tmp, queue = pathlib.Path(directory), taskcluster.Queue(server.options)
        pools = [f"queue:create-task:highest:scriptworker-k8s/demo-3-{name}" for name in ("beetmover", "shipit")]
        scripts = Scripts(tmp, server, shipit)
        push(server, directory, (HERE / "release" / "graph.yml").read_text(), [*pools, *SCOPES])
        tasks = of_the_push(server, queue)
        check.equal("build", wait(queue, tasks["build"], resolved)["state"], "completed")
        distrusted(queue, scripts, tasks["beetmover-candidates"], client)
        with scripts.mover as mover:
            if outcome(queue, tasks["beetmover-candidates"], mover, "push-to-candidates", ("completed", "completed")):
                candidates(queue, tasks, client)
                if outcome(queue, tasks["beetmover-releases"], mover, "push-to-releases", ("completed", "completed")):
                    releases(client)
        check.equal("no request to Ship It yet", shipit.requests, [])
        with scripts.shipper as shipper:
            if outcome(queue, tasks["mark-as-shipped"], shipper, "mark-as-shipped", ("completed", "completed")):
                shipped(shipit)
        for name, kind, run in (("beetmover-candidates", "beetmover", 1), ("beetmover-releases", "beetmover", 0), ("mark-as-shipped", "shipit", 0)):
            followed_back(queue, tmp, server, scripts, tasks[name], kind, run)
    return check.done()


if __name__ == "__main__":
    sys.exit(main())
