#!/usr/bin/env python3
"""The chain that `catena local up --demo --with-workers` makes, verified by the published scriptworker and by catena.

Both must trust it. With another key for one worker family, both must not.
"""
import os
import pathlib
import sys
import tempfile
import time

import taskcluster
import yaml

from checks import Checks
from front import Front
from server import Server
from verdicts import by_catena, by_reference

check = Checks("demo chain")
PRODUCT, TYPE = "demo", "signing"


def signing_task(queue, server, patience=120):
    """Waits until the signing task of the pushed repository is resolved."""
    (line,) = [line for line in server.lines if "decision task " in line]
    decision = line.rsplit(" ", 1)[1]
    late = time.monotonic() + patience
    while True:
        members = queue.listTaskGroup(decision)["tasks"]
        found = [member["status"] for member in members if member["task"]["metadata"]["name"] == TYPE]
        bad = [member["status"] for member in members if member["status"]["state"] in ("failed", "exception")]
        if bad or (found and found[0]["state"] == "completed"):
            check.equal("no task fails", bad, [])
            return found[0]["taskId"] if found else None
        if time.monotonic() > late:
            check.true(f"the signing task completes within {patience} s", False, [(member["task"]["metadata"]["name"], member["status"]["state"]) for member in members])
            return None
        time.sleep(0.1)


def main():
    with tempfile.TemporaryDirectory() as directory, Server(os.path.join(directory, "server"), flags=["--with-workers", "--demo"]) as server:
        hosts = {origin.split("//")[1]: tuple(actual.split("//")[1].split(":")) for origin, actual in server.endpoints.items()}
        config = yaml.safe_load(pathlib.Path(server.config).read_text())
        queue = taskcluster.Queue({"rootUrl": server.root_url})
        task = signing_task(queue, server)
        if task is None:
            return check.done()
        with Front(hosts, os.path.join(directory, "ca.pem")) as front:
            ask = lambda config: by_reference(front, config, server.options, task, TYPE)
            check.equal("the reference", ask(config), "pass")
            status, report = by_catena(server.config, task, TYPE, PRODUCT)
            check.equal("catena", (status, report["verdict"], report["findings"]), (0, "trusted", []))

            others = {**config, "ed25519_public_keys": {**config["ed25519_public_keys"], "docker-worker": config["ed25519_public_keys"]["scriptworker"]}}
            other = os.path.join(directory, "other.yaml")
            pathlib.Path(other).write_text(yaml.safe_dump(others))
            check.true("the reference, with another key for docker-worker", "CoTError" in ask(others), ask(others))
            status, report = by_catena(other, task, TYPE, PRODUCT)
            check.equal("catena, with another key for docker-worker", (status, report["verdict"]), (1, "rejected"))
            check.true("and says why", any(finding["id"] == "cot-signature" for finding in report["findings"]), report["findings"])
            check.equal("no host was asked for that there is not", front.unknown, set())
    return check.done()


if __name__ == "__main__":
    sys.exit(main())
