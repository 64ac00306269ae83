#!/usr/bin/env python3
"""Asks the published, unpatched Python reference (scriptworker) for its verdicts, over worlds that the testkit serves.

    reference.py vectors [--only WORD]                         compare with `reference` in each case
    reference.py vectors --record                              record it in the cases that lack it
    reference.py mutations --seeds A..B --out FILE             record verdicts: seed -> pass, fail or timeout; those in FILE
                                                               are kept where the seed still makes the same world

    --server BINARY   the testkit's world-server; built if not given
    --jobs N          verifications at a time; most only wait between retries
    --limit SECONDS   the most time for one

What is changed about the reference: host names resolve to the port of the world, the world's authority is trusted, and
configuration values are set (product, keys, directories, root URL, verify_cot_signature). Retries wait as long as they do
in production, which is why cases run side by side, each in a process of its own. The task itself is checked exactly when
its last run is completed (P12). Exit 1 if a verdict is not as recorded; one that is not reached in time decides nothing.
"""
import argparse
import asyncio
import json
import logging
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
VECTORS = ROOT / "vectors"
VERSION = "63.6.1"


class Server:
    """The testkit's world-server: one line of JSON each way."""

    def __init__(self, binary, directory):
        self.ca = os.path.join(directory, "ca.pem")
        self.child = subprocess.Popen([binary, VECTORS, self.ca], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **command):
        self.child.stdin.write(json.dumps(command) + "\n")
        self.child.stdin.flush()
        line = self.child.stdout.readline()
        if not line:
            raise SystemExit("the world-server ended")
        answer = json.loads(line)
        if "error" in answer:
            raise SystemExit(f"{command}: {answer['error']}")
        return answer

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.stdin.close()
        self.child.wait()


def trust(ca):
    """Before aiohttp and requests are imported: they read it then."""
    for name in [n for n in os.environ if n.lower().endswith("_proxy") or n.startswith("TASKCLUSTER_")]:
        del os.environ[name]
    os.environ.update(SSL_CERT_FILE=ca, REQUESTS_CA_BUNDLE=ca)


def map_hosts(port):
    """Every name is the world's port; addresses stay what they are."""

    def getaddrinfo(host, _port, family=0, type=0, proto=0, flags=0):
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", port))]

    socket.getaddrinfo = getaddrinfo


async def verification(world, work):
    from copy import deepcopy

    from scriptworker.config import apply_product_config
    from scriptworker.constants import DEFAULT_CONFIG
    from scriptworker.context import Context
    from scriptworker.cot import verify
    from scriptworker.exceptions import CoTError
    from scriptworker.task import retry_get_task_definition
    from scriptworker.utils import scriptworker_session
    from taskcluster.aio import Queue

    subject, config = world["subject"], dict(world["config"])
    config.pop("x_cot", None)  # ours alone
    config.pop("cot_job_type", None)
    keys = {implementation: tuple(keys) for implementation, keys in config.pop("ed25519_public_keys").items()}
    async with scriptworker_session() as session:
        context = Context()
        context.session = session
        context.config = dict(deepcopy(DEFAULT_CONFIG))
        context.config.update(config)
        context.config.update(
            ed25519_public_keys=keys, verify_cot_signature=True, taskcluster_root_url=subject["root_url"],
            work_dir=os.path.join(work, "work"), artifact_dir=os.path.join(work, "artifacts"), task_log_dir=os.path.join(work, "artifacts", "public", "logs"),
        )
        # artifacts that are not public are asked for with a signed URL; nobody checks the signature of the testkit's worlds
        credentials = world.get("credentials", {"clientId": "conformance", "accessToken": "no-secret"})
        context.queue = Queue(session=session, options={"rootUrl": subject["root_url"], "credentials": credentials})
        context.task = await retry_get_task_definition(context.queue, subject["task"], exception=CoTError)
        context.config = apply_product_config(context.config)
        chain = verify.ChainOfTrust(context, subject["type"], task_id=subject["task"])
        await verify.verify_chain_of_trust(chain, check_task=world["check_task"])


def verify_here(world, report):
    """Verifies in this process, writes the verdict and never returns."""
    work, verdict = tempfile.mkdtemp(prefix="cot-"), {"verdict": "fail"}
    try:
        map_hosts(world["port"])
        logging.disable(logging.CRITICAL)
        asyncio.run(verification(world, work))
        verdict = {"verdict": "pass"}
    except BaseException as error:
        verdict["error"] = f"{type(error).__name__}: {' '.join(str(error).replace(work, 'WORK').split())[:300]}"
    finally:
        shutil.rmtree(work, ignore_errors=True)
        with open(report, "w") as fh:
            json.dump(verdict, fh)
        os._exit(0)


def run(server, names, jobs, limit, work, known=lambda what, fingerprint: None):
    """Yields verdicts as they come, for worlds that the server opens by {kind: name}, but for those that are known."""
    waiting, running, prints = list(reversed(names)), {}, {}
    while waiting or running:
        while waiting and len(running) < jobs:
            what = waiting.pop()
            world = server.ask(open=what)
            if known(what, world["fingerprint"]):
                server.ask(close=world["port"])
                continue
            report = os.path.join(work, f"{world['port']}.json")
            child = os.fork()
            if not child:
                verify_here(world, report)
            prints[child] = world["fingerprint"]
            running[child] = (what, world["port"], report, time.monotonic())
        time.sleep(0.02)
        for child, (what, port, report, begun) in list(running.items()):
            late = time.monotonic() - begun > limit
            if late:
                os.kill(child, signal.SIGKILL)
            ended, _ = os.waitpid(child, 0 if late else os.WNOHANG)
            if not ended:
                continue
            del running[child]
            verdict = {"verdict": "timeout"}
            if os.path.exists(report):
                with open(report) as fh:
                    verdict = json.load(fh)
                os.unlink(report)
            yield what, {**verdict, "fingerprint": prints.pop(child), "seconds": round(time.monotonic() - begun, 1), **server.ask(close=port)}


def vectors(args, server, work):
    paths = {path.stem: path for path in sorted((VECTORS / "cases").glob("*.json")) if args.only in path.stem}
    if args.record:
        paths = {name: path for name, path in paths.items() if not decided(path)}
    bad, counts = 0, {}
    for what, found in run(server, [{"case": name} for name in paths], args.jobs, args.limit, work):
        name, verdict = what["case"], found["verdict"]
        path, case = paths[name], json.loads(paths[name].read_text())
        counts[verdict] = counts.get(verdict, 0) + 1
        recorded = case.get("reference", {}).get("verdict")
        # a case that only waits between retries decides nothing when time is short
        good = args.record or verdict == "timeout" or (verdict == recorded and case["reference"]["version"] == VERSION)
        bad += not good
        if args.verbose or not good:
            print("ok   " if good else "WRONG", name, verdict, f"{found['seconds']} s", found.get("error", ""), *found["unknown"], flush=True)
        if args.record:
            record(path, {"verdict": verdict, "version": VERSION})
    print(json.dumps({"part": "reference, vectors", **counts, "unexpected": bad}))
    # most must have been asked in earnest
    return 1 if bad or (not args.record and sum(counts.values()) <= 2 * counts.get("timeout", 0)) else 0


def decided(path):
    recorded = json.loads(path.read_text()).get("reference", {})
    return recorded.get("version") == VERSION and recorded["verdict"] != "timeout"


def record(path, reference):
    """Sets the last line of a case; all others stay, byte by byte."""
    lines = path.read_text().splitlines()
    if lines[-2].startswith('  "reference": '):
        del lines[-2]
    lines[-2] = lines[-2].rstrip(",") + ","
    lines.insert(-1, f'  "reference": {json.dumps(reference, separators=(",", ":"))}')
    path.write_text("\n".join(lines) + "\n")


def mutations(args, server, work):
    first, last = (int(number) for number in args.seeds.split(".."))
    verdicts = {}
    if os.path.exists(args.out):
        with open(args.out) as fh:
            verdicts = {int(seed): verdict for seed, verdict in json.load(fh)["verdicts"].items() if first <= int(seed) < last}

    def known(what, fingerprint):
        verdict, before = verdicts.get(what["mutation"], (None, None))
        return before == fingerprint and verdict != "timeout"

    for what, found in run(server, [{"mutation": seed} for seed in range(first, last)], args.jobs, args.limit, work, known):
        verdicts[what["mutation"]] = [found["verdict"], found["fingerprint"]]
        if args.verbose:
            print(what["mutation"], found["verdict"], f"{found['seconds']} s", found.get("error", ""), *found["unknown"], flush=True)
    with open(args.out, "w") as fh:
        lines = [f'"{seed}": {json.dumps(verdict)}' for seed, verdict in sorted(verdicts.items())]
        fh.write(f'{{"reference": "scriptworker {VERSION}", "verdicts": {{\n' + ",\n".join(lines) + "\n}}\n")
    return 0 if verdicts else 1


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--server")
    common.add_argument("--jobs", type=int, default=48)
    common.add_argument("--limit", type=float, default=600)
    common.add_argument("-v", "--verbose", action="store_true")
    sub = ap.add_subparsers(dest="command", required=True)
    cases = sub.add_parser("vectors", parents=[common])
    cases.add_argument("--record", action="store_true")
    cases.add_argument("--only", default="")
    seeds = sub.add_parser("mutations", parents=[common])
    seeds.add_argument("--seeds", required=True)
    seeds.add_argument("--out", required=True)
    args = ap.parse_args()
    binary = args.server
    if not binary:
        subprocess.run(["cargo", "build", "--quiet", "--locked", "--package", "catena-testkit", "--example", "world-server"], cwd=ROOT, check=True)
        binary = os.path.join(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"), "debug", "examples", "world-server")
    with tempfile.TemporaryDirectory() as work, Server(binary, work) as server:
        # the first answer comes when the authority is written
        server.ask(ping=True)
        trust(server.ca)
        from importlib.metadata import version

        import scriptworker.cot.verify  # noqa: F401  once, not once per case

        if version("scriptworker") != VERSION:
            raise SystemExit(f"expected scriptworker {VERSION}, found {version('scriptworker')}")
        return {"vectors": vectors, "mutations": mutations}[args.command](args, server, work)


if __name__ == "__main__":
    sys.exit(main())
