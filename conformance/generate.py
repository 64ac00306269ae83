# SPDX-License-Identifier: MPL-2.0
"""Generates chain-of-trust documents of random artifact trees and tasks, by the published scriptworker and by catena.

Both must write the same bytes (P37), and each must accept the other's signature.
"""

import argparse
import base64
import json
import math
import os
import random
import shutil
import string
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from scriptworker.constants import DEFAULT_CONFIG
from scriptworker.cot.generate import generate_cot
from scriptworker.ed25519 import ed25519_private_key_from_file, ed25519_private_key_from_string

BODY = "public/chain-of-trust.json"
ALPHABETS = [string.ascii_letters + string.digits + "._-", string.printable[:95], "äßéñøÅ", "日本語テスト", "🙂🚀\U0010ffff", "<>&'\"\\`$ "]
CONTROLS = "\x00\x01\x08\t\n\x0b\x0c\r\x1b\x1f\x7f\x80\u2028\u2029\ufeff\uffff"


def text(rng, longest=12, controls=True):
    alphabet = rng.choice(ALPHABETS) + (CONTROLS if controls and rng.random() < 0.2 else "")
    return "".join(rng.choice(alphabet) for _ in range(rng.randint(0, longest)))


def number(rng):
    return rng.choice([
        lambda: str(rng.randint(-10, 10)),
        lambda: str(rng.randint(-(2**70), 2**70)),
        lambda: str(rng.randint(-(10**40), 10**40)),
        lambda: repr(rng.uniform(-1e6, 1e6)),
        # halfway between two shortest forms, and any float at all
        lambda: f"{rng.randint(1, 2**53) / 2 ** rng.randint(1, 60):.20e}",
        lambda: f"{rng.randint(2**50, 2**53) / 2 ** rng.randint(1, 12)!r}",
        lambda: anything(rng),
        lambda: f"{rng.randint(-999, 999)}.{rng.randint(0, 10**rng.randint(1, 25))}e{rng.choice(['', '+', '-'])}{rng.randint(0, 280)}",
        lambda: rng.choice(["0", "-0", "-0.0", "1E5", "1e16", "1e15", "0.0001", "0.00001", "5e-324", "1e-400", "123456789012345678.0"]),
    ])()


def anything(rng):
    while True:
        drawn = struct.unpack("<d", rng.randbytes(8))[0]
        if math.isfinite(drawn):
            return f"{drawn!r}" if rng.random() < 0.5 else f"{drawn:.25e}"


def value(rng, depth=0):
    """Returns JSON text: numbers in forms that no writer of JSON would choose, too."""
    kind = rng.random()
    if depth < 5 and kind < 0.25:
        members = {text(rng): value(rng, depth + 1) for _ in range(rng.randint(0, 5))}
        return "{" + ",".join(f"{string_of(rng, k)}: {v}" for k, v in members.items()) + "}"
    if depth < 5 and kind < 0.45:
        return "[" + " , ".join(value(rng, depth + 1) for _ in range(rng.randint(0, 5))) + "]"
    if kind < 0.65:
        return number(rng)
    if kind < 0.75:
        return rng.choice(["true", "false", "null"])
    return string_of(rng, text(rng, 40))


def string_of(rng, written):
    return json.dumps(written, ensure_ascii=rng.random() < 0.5)


def slug(rng):
    raw = bytearray(rng.randbytes(16))
    raw[0] &= 0x7F
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    return base64.urlsafe_b64encode(bytes(raw)).decode().rstrip("=")


def claim(rng):
    task_id = slug(rng)
    scopes = sorted({text(rng, 30) for _ in range(rng.randint(0, 6))})
    task = ",".join([
        f'"provisionerId": "p", "workerType": "{slug(rng)}", "taskQueueId": "p/w", "taskGroupId": "{slug(rng)}"',
        f'"dependencies": {json.dumps([slug(rng) for _ in range(rng.randint(0, 4))])}',
        f'"scopes": {json.dumps(scopes)}',
        f'"payload": {{"maxRunTime": {number(rng)}, "more": {value(rng)}}}',
        f'"metadata": {{"description": {string_of(rng, text(rng, 200))}}}',
        f'"extra": {value(rng)}, "tags": {{}}, "created": "2026-03-01T10:00:00.000Z"',
    ])
    return (
        f'{{"status": {{"taskId": "{task_id}"}}, "runId": {rng.randint(0, 6)}, "workerGroup": "group-{rng.randint(0, 9)}",'
        f' "workerId": "id-{rng.randint(0, 999)}", "takenUntil": "2026-03-01T10:20:00.000Z",'
        f' "credentials": {{"clientId": "c", "accessToken": "s3cret", "certificate": "{{}}"}}, "task": {{{task}}}}}'
    )


def tree(rng, root):
    directories = [root / "public"]
    directories[0].mkdir(parents=True)
    for _ in range(rng.randint(0, 6)):
        child = rng.choice(directories) / name(rng)
        if not child.exists():
            child.mkdir()
            directories.append(child)
    files = []
    for _ in range(rng.randint(0, 25)):
        path = rng.choice(directories + [root]) / name(rng)
        if not path.exists():
            size = rng.choice([0, 1, 63, 64, 65, 4096, 131072, 131073, rng.randint(0, 400_000)])
            path.write_bytes(rng.randbytes(size))
            files.append(path)
    if files and rng.random() < 0.4:
        link = rng.choice(directories) / name(rng)
        if not os.path.lexists(link):
            target = rng.choice(files)
            link.symlink_to(target if rng.random() < 0.3 else os.path.relpath(target, link.parent))
    if rng.random() < 0.3:
        link = root / name(rng)
        if not os.path.lexists(link):
            link.symlink_to(rng.choice(directories), target_is_directory=True)


def name(rng):
    while True:
        drawn = text(rng, 14, controls=False).replace("/", "_")
        if drawn not in ("", ".", "..") and len(drawn.encode()) < 200:
            return drawn


def by_scriptworker(root, claimed, key, algorithm, worker_id):
    config = dict(DEFAULT_CONFIG)
    config.update(
        artifact_dir=str(root), sign_chain_of_trust=True, ed25519_private_key_path=str(key), worker_id=worker_id,
        worker_type=claimed["task"]["workerType"], chain_of_trust_hash_algorithm=algorithm,
        cot_schema_path=DEFAULT_CONFIG["cot_schema_path"],
    )
    generate_cot(SimpleNamespace(config=config, claim_task=claimed, task=claimed["task"]))


def one(seed, catena, work):
    rng = random.Random(seed)
    root = work / "artifacts"
    tree(rng, root)
    written = claim(rng)
    (work / "claim.json").write_text(written, encoding="utf-8")
    claimed = json.loads(written)
    key = work / "key"
    raw = rng.randbytes(32)
    key.write_text(base64.b64encode(raw).decode() + "\n")
    key.chmod(0o600)
    algorithm = rng.choice(["sha256", "sha256", "sha512"])

    by_scriptworker(root, claimed, key, algorithm, claimed["workerId"])
    theirs = {path: (root / path).read_bytes() for path in (BODY, BODY + ".sig")}
    for path in theirs:
        (root / path).unlink()
    command = [catena, "generate", root, "--claim", work / "claim.json", "--key", key, "--hash", algorithm, "--environment", "minimal", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return f"catena ended with {done.returncode}: {done.stderr}"
    if "s3cret" in done.stdout + done.stderr:
        return "catena printed credentials of the claim"
    ours = {path: (root / path).read_bytes() for path in theirs}
    if ours[BODY] != theirs[BODY]:
        (Path(tempfile.gettempdir()) / f"generate-{seed}.theirs").write_bytes(theirs[BODY])
        (Path(tempfile.gettempdir()) / f"generate-{seed}.ours").write_bytes(ours[BODY])
        return "the documents differ"
    public = ed25519_private_key_from_file(str(key)).public_key()
    public.verify(ours[BODY + ".sig"], ours[BODY])
    return checked(catena, work, root, public, theirs[BODY + ".sig"])


def checked(catena, work, root, public, signature):
    """Has catena check the signature of scriptworker, and one that is wrong in one bit."""
    (work / "their.sig").write_bytes(signature)
    (work / "wrong.sig").write_bytes(bytes([signature[0] ^ 1]) + signature[1:])
    encoded = base64.b64encode(public.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()
    for file, expected in (("their.sig", 0), ("wrong.sig", 1)):
        command = [catena, "check-sig", root / BODY, work / file, "--pub", encoded]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != expected:
            return f"check-sig of {file}: expected {expected}, found {done.returncode}: {done.stderr}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--catena", required=True)
    parser.add_argument("--seeds", default="0..200")
    options = parser.parse_args()
    start, end = map(int, options.seeds.split(".."))
    failures = 0
    for seed in range(start, end):
        work = Path(tempfile.mkdtemp(prefix="generate-"))
        try:
            wrong = one(seed, options.catena, work)
        finally:
            shutil.rmtree(work)
        if wrong:
            failures += 1
            print(f"seed {seed}: {wrong}")
    print(f"{end - start} trees and tasks, {failures} differ")
    return 1 if failures or end <= start else 0


# the reference's own reader of keys agrees with what this script draws
assert ed25519_private_key_from_string(base64.b64encode(bytes(32)).decode())

if __name__ == "__main__":
    sys.exit(main())
