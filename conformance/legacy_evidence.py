#!/usr/bin/env python3
"""The recorded chains of `vectors/gpg-era/chains.json`, and a network that has nothing else."""
import datetime
import json
import pathlib
import re
import types

HERE = pathlib.Path(__file__).resolve().parent.parent / "vectors/gpg-era"
LIST = json.loads((HERE / "chains.json").read_text())
ROOT, SIGNED = LIST["root"], "public/chainOfTrust.json.asc"
NAMES = {"task-graph": "public/task-graph.json", "cot-body": "public/chain-of-trust.json", "cot-signature": "public/chain-of-trust.json.sig"}


class Evidence:
    """What was recorded of a chain, by what is asked for."""

    def __init__(self, case):
        self.case, self.answers = case, {}
        for one in json.loads((HERE / case["index"]).read_text())["documents"]:
            request = one["request"]
            repo = request.get("repo")
            where = f"https://{repo['host']}{repo['path']}@{request['revision']}" if repo else request.get("task")
            kind = request["kind"]
            name = request.get("name") or NAMES.get(kind)
            if one["status"] == "received":
                self.answers[("artifact" if name else kind, where, name)] = (HERE / "chains" / one["file"]).read_bytes()

    def json(self, kind, task):
        return json.loads(self.answers[kind, task, None])

    def resolved(self):
        last = self.json("status", ROOT)["status"]["runs"][-1]["resolved"]
        return datetime.datetime.fromisoformat(last.replace("Z", "+00:00"))

    def at(self, url):
        """What an address has, None if nothing was recorded."""
        artifact = re.fullmatch(r"https://queue\.taskcluster\.net/v1/task/([^/]+)/artifacts/(.+)", url)
        template = re.fullmatch(r"(https://.+)/raw-file/([0-9a-f]+)/\.taskcluster\.yml", url)
        pushlog = re.fullmatch(r"(https://.+)/json-pushes\?changeset=([0-9a-f]+)&tipsonly=1&version=2&full=1", url)
        if artifact:
            return self.answers.get(("artifact", *artifact.groups()))
        if template or pushlog:
            kind = "template" if template else "pushlog"
            return self.answers.get((kind, "@".join((template or pushlog).groups()), None))
        return self.answers.get(("projects", None, None)) if url.endswith("/projects.yml") else None


def network(evidence, failure):
    """The queue and the session of a context."""

    class Response:
        url = "a recorded address"

        def __init__(self, found):
            self.status, self.rest, self.content, self.history = (404 if found is None else 200), found or b"", self, ()

        async def __aenter__(self):
            return self

        async def __aexit__(self, *_):
            pass

        async def read(self, size):
            read, self.rest = self.rest[:size], self.rest[size:]
            return read

        async def text(self):
            return "it was not recorded"

    async def task(task_id):
        if ("definition", task_id, None) not in evidence.answers:
            raise failure(f"404 {task_id}")
        return evidence.json("definition", task_id)

    def build_url(_, task_id, path):
        return f"https://queue.taskcluster.net/v1/task/{task_id}/artifacts/{path}"

    queue = types.SimpleNamespace(task=task, buildUrl=build_url, buildSignedUrl=build_url)
    return queue, types.SimpleNamespace(get=lambda url: Response(evidence.at(url)))
