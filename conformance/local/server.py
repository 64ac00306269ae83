#!/usr/bin/env python3
"""Starts `catena local up` as a process of its own, for the scripts beside this one.

    server.py [--claim-timeout SECONDS] [--flag FLAG]... -- COMMAND...

runs a command against a fresh server, with TASKCLUSTER_ROOT_URL, TASKCLUSTER_CLIENT_ID and TASKCLUSTER_ACCESS_TOKEN set,
and ends with the command's status; 1 if the server ended before it was told to.

CATENA names the binary.
"""
import argparse
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT_URL, CLIENT_ID, ACCESS_TOKEN = "TASKCLUSTER_ROOT_URL", "TASKCLUSTER_CLIENT_ID", "TASKCLUSTER_ACCESS_TOKEN"
# how long a start may take before it counts as failed
PATIENCE = 60


class Server:
    """One directory, and a process over it that can be killed and started anew on the same port."""

    def __init__(self, directory, claim_timeout=None, flags=()):
        self.directory, self.claim_timeout, self.flags = directory, claim_timeout, list(flags)
        self.port, self.child, self.exports, self.lines, self.ready = 0, None, {}, [], False

    def command(self):
        words = [os.environ["CATENA"], "local", "up", "--dir", self.directory, "--port", str(self.port)]
        if self.claim_timeout is not None:
            words += ["--claim-timeout", str(self.claim_timeout)]
        return words + self.flags

    def start(self):
        """Starts it and waits until it answers."""
        self.exports, self.lines, self.ready = {}, [], False
        self.child = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env=outside())
        threading.Thread(target=self.listen, args=(self.child.stdout,), daemon=True).start()
        late = time.monotonic() + PATIENCE
        while not self.answers():
            if self.child.poll() is not None:
                raise SystemExit(f"{shlex.join(self.command())} ended with {self.child.returncode} before it answered")
            if time.monotonic() > late:
                self.kill()
                raise SystemExit(f"{shlex.join(self.command())} did not answer within {PATIENCE} s")
            time.sleep(0.005)
        self.port = int(self.root_url.rsplit(":", 1)[1])
        return self

    def listen(self, stdout):
        for line in stdout:
            self.lines.append(line.rstrip("\n"))
            if line.startswith("export "):
                name, _, value = line[len("export ") :].strip().partition("=")
                self.exports[name] = "".join(shlex.split(value))
            self.ready = self.ready or line.startswith("# ready")

    def answers(self):
        if not self.ready:
            return False
        if missing := [name for name in (ROOT_URL, CLIENT_ID, ACCESS_TOKEN) if not self.exports.get(name)]:
            raise SystemExit(f"{shlex.join(self.command())} is ready, but does not say {', '.join(missing)}")
        try:
            with urllib.request.urlopen(f"{self.root_url}/api/queue/v1/ping", timeout=5) as answer:
                return json.load(answer)["alive"]
        except OSError:
            return False

    @property
    def root_url(self):
        return self.exports[ROOT_URL].rstrip("/")

    @property
    def credentials(self):
        return {"clientId": self.exports[CLIENT_ID], "accessToken": self.exports[ACCESS_TOKEN]}

    @property
    def options(self):
        """What the published Python client takes; a new copy each time, because the client changes it."""
        return {"rootUrl": self.root_url, "credentials": self.credentials}

    @property
    def endpoints(self):
        """Canonical origins of hosts, and where they are served."""
        return dict(re.fullmatch(r"# (https://\S+) is at (http://\S+)", line).groups() for line in self.lines if " is at " in line)

    @property
    def push_token(self):
        """The password for `git push`, from the line that shows how to clone."""
        (line,) = [line for line in self.lines if line.startswith("# git clone ")]
        return re.search(r"//[^:]+:([^@]+)@", line)[1]

    @property
    def config(self):
        """The generated scriptworker.yaml, from the line that shows how to verify."""
        (line,) = [line for line in self.lines if line.startswith("# catena verify ")]
        return shlex.split(line)[4]

    @property
    def page(self):
        """The page for browsers."""
        (line,) = [line for line in self.lines if " in a browser: " in line]
        return line.rsplit(" ", 1)[1]

    def kill(self):
        """As a power cut does it for the process: no warning, nothing is finished."""
        self.child.send_signal(signal.SIGKILL)
        self.child.wait()

    def stop(self):
        """Asks it to end; returns its status."""
        if self.child.poll() is None:
            self.child.terminate()
        try:
            return self.child.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.kill()
            return "killed: it did not end within 20 s of SIGTERM"

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


def outside():
    """The environment without what the server or a client would take for its own settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TASKCLUSTER_") and not name.lower().endswith("_proxy")}


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--claim-timeout", type=int)
    ap.add_argument("--flag", action="append", default=[])
    ap.add_argument("command", nargs="+")
    args = ap.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        server = Server(directory, args.claim_timeout, args.flag).start()
        try:
            done = subprocess.run(args.command, env=outside() | server.exports, stdin=subprocess.DEVNULL).returncode
            if server.child.poll() is not None:
                print(f"the server ended by itself, with {server.child.returncode}")
                return 1
        finally:
            ended = server.stop()
        if ended != 0:
            print(f"after SIGTERM the server ended with {ended}, expected 0")
            return 1
        return done


if __name__ == "__main__":
    sys.exit(main())
