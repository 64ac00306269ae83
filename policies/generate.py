#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Writes policies/*.toml from a dump of the reference's default configuration.

    policies/generate.py PRODUCTS_JSON [FIXTURE_JSON]

The TOML files are reviewed data from then on: run this for a new dump, then read the diff. FIXTURE_JSON
receives the part of the dump that the tests compare the files with.
"""
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
SPDX = "# SPDX-License-Identifier: MPL-2.0\n"

PRODUCT_KEYS = {  # name -> comment; plain keys first, then tables
    "cot_product_type": "Version control of its repositories (V59).",
    "valid_tasks_for": "What may start a decision or action task (V58).",
    "source_env_prefix": "Prefix of the variables that name repository and revision (V11).",
    "official_github_repos_owner": "Owners whose repositories are not forks; empty: no GitHub (V89).",
    "valid_decision_worker_pools": "Pools of decision and action tasks (V52).",
    "valid_docker_image_worker_pools": "Pools that build docker images (V50).",
    "prebuilt_docker_image_task_types": "Task types that may run an image no task built (V76).",
    "protected_branches": "Branches that count as landed beside the default and the host's protected ones (P15).",
    "trusted_vcs_rules": "Repositories; the group `path` is the tree (V70, V81).",
    "hg_git_mirrors": "hg tree -> the git tree that mirrors it (V82).",
    "cot_restricted_scopes": "Scope, or prefix with `*` -> level (V83).",
    "cot_restricted_trees": "Level -> trees that may use its scopes (V84).",
}
GLOBAL_KEYS = {  # in this order; the worker's own keys stay in the worker's table
    "taskcluster_root_url": "Taskcluster deployment.",
    "max_chain_length": "Depth of names (V17).",
    "pushlog_url": "Where hg answers for a push (V62).",
    "project_configuration_url": "projects.yml (V91, V92).",
    "scriptworker_provisioners": "Provisioners whose workers are scriptworkers (V13).",
    "valid_hash_algorithms": "Algorithms that a chain of trust may use (V43).",
    "valid_artifact_rules": "Where artifacts may come from (V32). `/runs/N` is matched as a run, which the reference's `\\\\d` never did (S11).",
    "ed25519_public_keys": "Public keys by worker implementation (V33); several: rotation.",
}
# Worker pool -> task type, first match decides (P18). Not part of the dump: reviewed data of our own.
POOL_TYPES = [
    ("*/*-signing*", "signing"), ("*/*signing-mac*", "signing"), ("*/*-beetmover*", "beetmover"), ("*/*-balrog*", "balrog"),
    ("*/*-bouncer*", "bouncer"), ("*/*-pushapk*", "pushapk"), ("*/*-shipit*", "shipit"),
]


def text(value):
    return f"'{value}'" if "\\" in value and "'" not in value else json.dumps(value, ensure_ascii=False)


def array(values):
    line = "[" + ", ".join(text(v) for v in values) + "]"
    if len(line) <= 90:
        return line
    return "[\n" + "".join(f"    {text(v)},\n" for v in values) + "]"


def value(v):
    if isinstance(v, bool):
        return "true" if v else "false"
    if isinstance(v, int):
        return str(v)
    return array(v) if isinstance(v, list) else text(v)


def bare(key):
    return key if key.replace("-", "").replace("_", "").isalnum() else json.dumps(key)


def block(key, v, comment):
    out = f"\n# {comment}\n"
    if isinstance(v, dict):
        return out + f"[{key}]\n" + "".join(f"{bare(k)} = {value(x)}\n" for k, x in v.items())
    if isinstance(v, list) and v and isinstance(v[0], dict):
        return out + "\n".join(f"[[{key}]]\n" + "".join(f"{k} = {value(x)}\n" for k, x in item.items()) for item in v)
    return out + f"{key} = {value(v)}\n"


def product(name, table):
    table = dict(table, protected_branches=[])
    assert set(table) == set(PRODUCT_KEYS), set(table) ^ set(PRODUCT_KEYS)
    head = SPDX + f"# What the chains of trust of product `{name}` may rest on. Embedded; a configuration file can override it.\n"
    return head + "".join(block(key, table[key], comment) for key, comment in PRODUCT_KEYS.items())


def defaults(table):
    table = dict(table)
    table["taskcluster_root_url"] = table["taskcluster_root_url"].rstrip("/")
    for rule in table["valid_artifact_rules"]:
        rule["path_regexes"] = [regex.replace(r"(/runs/\\d+)?", "(/runs/[0-9]+)?") for regex in rule["path_regexes"]]
    head = SPDX + "# Defaults of everything that is not per product. Embedded; a configuration file can override it.\n"
    body = "".join(block(key, table[key], comment) for key, comment in GLOBAL_KEYS.items())
    pools = [{"pool": pool, "type": kind} for pool, kind in POOL_TYPES]
    return head + body + block("pool_types", pools, "Task type of a worker pool on a scriptworker provisioner; first match decides (P18).")


def main():
    current = json.loads(pathlib.Path(sys.argv[1]).read_text())["current"]
    (HERE / "defaults.toml").write_text(defaults(json.loads(json.dumps(current["global"]))))
    for name, table in current["products"].items():
        (HERE / f"{name}.toml").write_text(product(name, table))
    if len(sys.argv) > 2:
        fixture = {"global": {key: current["global"][key] for key in GLOBAL_KEYS}, "products": current["products"]}
        pathlib.Path(sys.argv[2]).write_text(json.dumps(fixture, indent=1, ensure_ascii=False) + "\n")


main()
