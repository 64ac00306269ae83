#!/usr/bin/env python3
"""`verify_cot` and `create_test_workdir`, the published ones and ours, on the demo's chain in `catena local up`: the same exit
statuses, and work directories that are equal byte by byte.

Nothing of the package is changed but its default configuration, which knows real hosts alone; host names lead to a TLS front
(`mapped.py` does it in the same way). Our profile is `strict`: what is verified here is a chain without fault, or with one that
both must notice.
"""
import json
import os
import pathlib
import socket
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "local"))
from both import install, run  # noqa: E402

TYPE = "signing"


def as_reference(question, entry, arguments):
    """Runs an entry point of the package in this process."""
    # before aiohttp and requests are imported: they read it then
    os.environ.update(SSL_CERT_FILE=question["ca"], REQUESTS_CA_BUNDLE=question["ca"])
    plain = socket.getaddrinfo

    def getaddrinfo(host, *args, **kwargs):
        try:
            socket.inet_aton(host.decode() if isinstance(host, bytes) else host)
        except OSError:
            return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", question["port"]))]
        return plain(host, *args, **kwargs)

    socket.getaddrinfo = getaddrinfo
    import scriptworker.cot.verify as verify

    from verdicts import frozen

    verify.DEFAULT_CONFIG = frozen({**verify.DEFAULT_CONFIG, **question["config"]})
    sys.argv = [entry, *arguments]
    return getattr(verify, entry)()


def trees(directory):
    """Every file below a directory, by its path."""
    paths = sorted(path for path in directory.rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): path.read_bytes() for path in paths}


class Tools:
    def __init__(self, check, question, config, links, scratch):
        self.check, self.question, self.config, self.links, self.scratch = check, question, config, links, scratch

    def both(self, what, tool, arguments, expected, question=None, config=None):
        """-> the directories in which both ran, and what both said."""
        entry = {"verify_cot": "verify_cot_cmdln"}.get(tool, tool)
        file = self.scratch / "question.json"
        file.write_text(json.dumps(question or self.question))
        theirs, ours = (pathlib.Path(tempfile.mkdtemp(dir=self.scratch)) for _ in range(2))
        places = lambda here: {"HOME": str(here), "TMPDIR": str(here), "TASKCLUSTER_ROOT_URL": self.question["root_url"]}
        one = run([sys.executable, __file__, file, entry, *arguments], theirs, **places(theirs))
        other = run([self.links / tool, "--scriptworker-yaml", config or self.config, *arguments], ours, **places(ours))
        good = self.check.equal(f"{tool}, {what}", (one.returncode, other.returncode), (expected, expected))
        if not good:
            print(one.stderr[-1500:], other.stderr[-1500:], sep="\n----\n")
        self.check.equal(f"{tool}, {what}: stdout", other.stdout, "")
        return (theirs, ours), (one, other)


def verify_cot(tools, task, decision, others):
    common = ["--task-type", TYPE, "--cot-product", "demo"]
    check = tools.check
    for what, arguments, expected in [
        ("signatures verified", [*common, "--verify-sigs", "--", task], 0),
        ("abbreviated", ["--ta", TYPE, "--co=demo", "--verify-s", "--cl", "--", task], 0),
        ("nothing verified", [*common, "--cleanup", "--", task], 0),
        ("the task not checked", [*common, "--verify-sigs", "--no-check-task", "--cleanup", "-v", "--", task], 0),
        ("another type", ["--task-type", "decision", "--cot-product", "demo", "--verify-sigs", "--cleanup", "--", task], 1),
        ("an unknown product", ["--task-type", TYPE, "--cot-product", "netscape", "--cleanup", "--", task], 1),
        ("an unknown type", ["--task-type", "sign", "--", task], 2),
        ("no type", ["--", task], 2),
        ("no task", common, 2),
        ("ambiguous", [*common, "--ver", "--", task], 2),
    ]:
        _, (_, ours) = tools.both(what, "verify_cot", arguments, expected)
        said = "SIGNATURES NOT VERIFIED" in ours.stderr
        if expected == 0:
            check.equal(f"{what}: said that signatures were not verified", said, not any(a.startswith("--verify-s") for a in arguments))
    question, config = others
    tools.both("another key, signatures verified", "verify_cot", [*common, "--verify-sigs", "--cleanup", "--", task], 1, question, config)
    (_, ours), (_, said) = tools.both("another key, nothing verified", "verify_cot", [*common, "--", task], 0, question, config)
    check.true("it is not called trusted", "TRUSTED" not in said.stderr, said.stderr)
    (log,) = ours.rglob("chain_of_trust.log")
    check.true("nor in the log", "TRUSTED" not in log.read_text(), log.read_text()[:300])


def create_test_workdir(tools, task, decision):
    check = tools.check
    (theirs, ours), _ = tools.both("the signing task", "create_test_workdir", ["--", task], 0)
    theirs, ours = trees(theirs / "work"), trees(ours / "work")
    check.equal("the same files", sorted(ours), sorted(theirs))
    check.true("more than the definition", len(ours) > 1, sorted(ours))
    check.true("the same bytes", ours == theirs, [name for name in ours if ours[name] != theirs.get(name)])
    directories, _ = tools.both("another directory", "create_test_workdir", ["--path", "there", "--overwrite", "--", task], 0)
    for directory in directories:
        check.true("it is there", (directory / "there" / "task.json").is_file())
    tools.both("a task without upstream artifacts", "create_test_workdir", ["--", decision], 1)
    tools.both("a directory that is there", "create_test_workdir", ["--path", ".", "--", task], 1)
    tools.both("no task", "create_test_workdir", [], 2)


def main():
    import taskcluster
    import yaml

    from checks import Checks
    from demo_chain import signing_task
    from front import Front
    from server import Server
    from verdicts import artifact_rules

    check = Checks("verify_cot and create_test_workdir")
    with tempfile.TemporaryDirectory() as name, Server(os.path.join(name, "server"), flags=["--with-workers", "--demo"]) as server:
        scratch = pathlib.Path(name)
        links = install(scratch / "bin")
        task = signing_task(taskcluster.Queue({"rootUrl": server.root_url}), server)
        (line,) = [line for line in server.lines if "decision task " in line]
        decision = line.rsplit(" ", 1)[1]
        config = yaml.safe_load(pathlib.Path(server.config).read_text())
        hosts = {origin.split("//")[1]: tuple(actual.split("//")[1].split(":")) for origin, actual in server.endpoints.items()}
        with Front(hosts, scratch / "ca.pem") as front:

            def question(config):
                known = {name: value for name, value in config.items() if name not in ("x_cot", "credentials")}
                known |= {"valid_artifact_rules": artifact_rules(server.root_url), "taskcluster_root_url": server.root_url}
                return {"port": front.port, "ca": front.ca, "root_url": server.root_url, "config": known}

            keys = config["ed25519_public_keys"]
            other = {**config, "ed25519_public_keys": {**keys, "docker-worker": keys["scriptworker"]}}
            (scratch / "other.yaml").write_text(yaml.safe_dump(other))
            tools = Tools(check, question(config), server.config, links, scratch)
            if check.true("the demo has a signing task", task):
                verify_cot(tools, task, decision, (question(other), scratch / "other.yaml"))
                create_test_workdir(tools, task, decision)
            check.equal("no host was asked for that there is not", front.unknown, set())
    return check.done()


if __name__ == "__main__":
    if len(sys.argv) > 2:
        asked = json.loads(pathlib.Path(sys.argv[1]).read_text())
        sys.exit(as_reference(asked, sys.argv[2], sys.argv[3:]))
    sys.exit(main())
