#!/usr/bin/env python3
"""scriptworker 22.1.0 rebuilds the decision and action tasks that catena rebuilt under version 5.

  legacy_rebuild.py REBUILDS

REBUILDS is what the test `legacy_faults::write_rebuilds` of catena-core writes: chains with one fault each, or none, and
catena's verdict. The reference is the published package, unchanged, with names that Python has dropped since put back before
it is imported. Its `verify_parent_task_definition` judges the task; what it would download is served from the file, whatever
the address, for a template that somebody planted elsewhere would be there as well.

Both must agree, but where catena is stricter on purpose (docs/legacy.md).
"""
import asyncio
import collections
import collections.abc
import copy
import json
import logging
import pathlib
import sys
import tempfile
import types

for name in ("Callable", "Iterable", "Mapping", "MutableMapping", "Sequence", "Set"):
    if not hasattr(collections, name):
        setattr(collections, name, getattr(collections.abc, name))
if not hasattr(asyncio, "coroutine"):
    asyncio.coroutine = lambda function: function

from scriptworker.config import apply_product_config, get_unfrozen_copy  # noqa: E402
from scriptworker.constants import DEFAULT_CONFIG  # noqa: E402
from scriptworker.cot import verify as reference  # noqa: E402

logging.disable(logging.CRITICAL)
DECISION, ACTION = "DDDDDDDDQACDDDDDDDDDDA", "AAAAAAAAQACAAAAAAAAAAA"
# what the reference lets pass, by a part of the name of the case
STRICTER = {
    "2 pushes, one with it": "it warns about several pushes, and takes the first",
    "1 pushes, none with it": "it does not look whether the push has the revision",
    "found https://hg.mozilla.org/mozilla-release": "it does not look whose level projects.yml gives",
    "at run time, found": "it compares the rebuilt ACTION_TASK_GROUP_ID, and then replaces it with the task's own",
}


def context(case, work):
    config = apply_product_config(get_unfrozen_copy(DEFAULT_CONFIG))
    config.update(work_dir=str(work), artifact_dir=str(work / "artifacts"))

    async def populate_projects(force=False):
        pass

    return types.SimpleNamespace(config=config, projects=case["projects"], populate_projects=populate_projects, session=None)


def serve(case):
    async def load(_context, url, _path, overwrite=True):
        return copy.deepcopy(case["pushlog"] if "json-pushes" in url else case["template"])

    reference.load_json_or_yaml_from_url = load


def judge(case, work):
    """What the reference says against the case; None if it has nothing to say."""
    made = context(case, work)
    serve(case)
    public = work / "cot" / DECISION / "public"
    public.mkdir(parents=True)
    for name, key in (("actions.json", "actions"), ("parameters.yml", "parameters")):
        if case[key] is not None:
            (public / name).write_text(case[key])
    try:
        links = {}
        for name, task in (("decision", DECISION), ("action", ACTION)):
            if task in case["tasks"]:
                links[task] = reference.LinkOfTrust(made, f"signing:{name}", task)
                links[task].task = copy.deepcopy(case["tasks"][task])
        chain = types.SimpleNamespace(context=made, get_link=links.__getitem__)
        for link in links.values():
            asyncio.run(reference.verify_parent_task_definition(chain, link))
    except Exception as error:  # noqa: BLE001
        return f"{type(error).__name__}: {error}"
    return None


def main(path):
    agreed, stricter, wrong = 0, set(), []
    for case in json.loads(pathlib.Path(path).read_text()):
        with tempfile.TemporaryDirectory(prefix="cot") as work:
            against = judge(case, pathlib.Path(work))
        allowed = next((part for part in STRICTER if part in case["name"]), None)
        if (case["verdict"] == "trusted") == (against is None):
            agreed += 1
            said = "both accept" if against is None else "both refuse"
            print(f"  {said}: {case['name']}" + (f" ({against.splitlines()[0]:.100})" if against else ""))
        elif against is None and allowed:
            stricter.add(allowed)
            print(f"  only catena refuses: {case['name']}: {STRICTER[allowed]}")
        else:
            wrong.append(f"{case['name']}: catena: {case['verdict']}, {case['headline']}; reference: {against}")
    if wrong or stricter != set(STRICTER):
        sys.exit("NOT as expected:\n  " + "\n  ".join(wrong + sorted(set(STRICTER) - stricter)))
    print(f"{agreed} rebuilds alike, {len(stricter)} kinds of task refused by catena alone")


main(sys.argv[1])
