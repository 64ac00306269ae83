"""What the queue has of a task, for beside.py."""
import dataclasses
import gzip
import mimetypes
import zlib

import requests

# only ours: the record of the worker
OWN = {"public/worker-info.json"}
# only in our logs, after the header: P19
UNVERIFIED = b"[taskcluster] verify_chain_of_trust is false: nothing was verified\n"
# what both pack
PACKED = ("text/plain", "application/json", "text/html", "application/xml")


@dataclasses.dataclass
class Artifact:
    """As a reader gets it: `coding` is what was declared, `raw` what went over the wire, `body` what it stands for."""

    storage: str
    content_type: str
    expires: str
    coding: str | None = None
    raw: bytes = b""
    body: bytes | None = b""


@dataclasses.dataclass
class Side:
    """One worker's task: its status, and per run the artifacts by name."""

    task: str
    pool: str
    expires: str
    definition: dict
    status: dict
    runs: list


def unpacked(raw):
    """None: it is not what was declared."""
    try:
        return gzip.decompress(raw)
    except (OSError, EOFError, zlib.error):
        return None


class Reader:
    def __init__(self, queue):
        self.queue, self.session = queue, requests.Session()

    def side(self, task):
        definition, status = self.queue.task(task), self.queue.status(task)["status"]
        return Side(task, definition["taskQueueId"], definition["expires"], definition, status, [self.run(task, run["runId"]) for run in status["runs"]])

    def run(self, task, run):
        return {found["name"]: self.artifact(task, run, found) for found in self.queue.listArtifacts(task, run)["artifacts"]}

    def artifact(self, task, run, found):
        artifact = Artifact(found["storageType"], found["contentType"], found["expires"])
        # without an answer there is a record, but no object: an upload that was cut off
        with self.session.get(self.queue.buildSignedUrl("getArtifact", task, run, found["name"]), stream=True) as answer:
            if answer.status_code == 200:
                artifact.coding, artifact.raw = answer.headers.get("Content-Encoding"), answer.raw.read(decode_content=False)
                artifact.body = unpacked(artifact.raw) if artifact.coding == "gzip" and not found["name"].endswith((".gz", ".tgz")) else artifact.raw
        return artifact


def without_own(artifacts):
    """Ours without what only ours has; the log without the header and what the worker says of itself."""
    kept = {name: artifact for name, artifact in artifacts.items() if name not in OWN}
    for name, artifact in kept.items():
        if name == "public/logs/live_backing.log":
            first, _, rest = artifact.body.partition(b"\n")
            rest = rest.removeprefix(UNVERIFIED)
            kept[name] = dataclasses.replace(artifact, body=rest if first.startswith(b"[taskcluster:header] {") else b"no header: " + artifact.body)
    return kept


def said_why(log):
    """The log without the lines that say why a script was stopped."""
    return b"".join(line for line in log.splitlines(keepends=True) if not line.startswith(b"[taskcluster:error] "))


# as Python's own tables have it, whatever the platform adds to them
BUILT_IN = mimetypes.MimeTypes()


def reference_type(name):
    """What the reference says of a name on a platform without tables of its own."""
    fixed = {".tar.gz": "application/x-tar", ".tgz": "application/x-tar", ".dmg": "application/x-apple-diskimage", ".xml": "application/xml"}
    fixed |= dict.fromkeys((".txt", ".log", ".asc", ".diff"), "text/plain")
    known = [kind for ending, kind in fixed.items() if name.endswith(ending)]
    return known[0] if known else BUILT_IN.guess_type(name)[0] or "application/binary"


def of_the_platform(name, ours, theirs):
    """Whether the two differ because the reference took the type from a table of this platform, and packed by it."""
    if ours.content_type == theirs.content_type or theirs.content_type != (mimetypes.guess_type(name)[0] or "application/binary"):
        return False
    return [found.coding for found in (ours, theirs)] == ["gzip" if found.content_type in PACKED else None for found in (ours, theirs)]


def content_types(check, rows, own, whole):
    """Ours are those of the reference on a platform without tables of its own, but for the endings listed in `own`."""
    seen = set()
    for row in rows:
        for name, artifact in {name: artifact for run in row.ours.runs for name, artifact in run.items()}.items():
            ending = name.rpartition("/")[2].rpartition(".")[2]
            seen.add(ending)
            if own.get(ending) != artifact.content_type:
                check.equal(f"{row.name}: type of {name}", artifact.content_type, reference_type(name))
    check.true("all endings that are listed were there", not whole or set(own) <= seen, sorted(set(own) - seen))
