#!/usr/bin/env python3
"""Keys and signatures cross between catena, the published scriptworker and openssl, each way; `verify_ed25519_signature` of both
ends with the same status.

The package has no `gen_ed25519_key`; its library makes keys and writes them as that script does.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

import scriptworker.ed25519 as reference
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "local"))
from both import BIN, catena, install, run  # noqa: E402
from checks import Checks  # noqa: E402

check = Checks("keys and signatures")
MESSAGE = b'{\n  "chainOfTrustVersion": 1\n}\n\x00\xff'
TOOL = "verify_ed25519_signature"


def openssl(*arguments):
    return subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True).stdout


def write_reference_pair(directory):
    key = Ed25519PrivateKey.generate()
    private, public = directory / "theirs_private_key", directory / "theirs_public_key"
    private.write_text(reference.ed25519_private_key_to_string(key))
    private.chmod(0o600)
    public.write_text(reference.ed25519_public_key_to_string(key.public_key()))
    return private, public


def signature_of(path):
    """What the reference signs with a key file, as it reads it."""
    return reference.ed25519_private_key_from_file(str(path)).sign(MESSAGE)


def cross(directory, links):
    message, signature = directory / "message", directory / "message.sig"
    message.write_bytes(MESSAGE)
    done = run([links / "gen_ed25519_key", "ours"], directory)
    check.equal("gen_ed25519_key", (done.returncode, done.stdout, done.stderr), (0, "", ""))
    ours = directory / "ours_private_key", directory / "ours_public_key"
    check.equal("its private key has no newline", len(ours[0].read_bytes()), 44)
    for who, (private, public) in {"ours": ours, "theirs": write_reference_pair(directory)}.items():
        check.equal(f"{who}: the public half", catena("keys", "pub", private), public.read_text() + "\n")
        signature.write_bytes(signature_of(private))
        check.true(f"{who}: signed by the reference", catena("check-sig", message, signature, "--pub", public).startswith("good: "))
        # as PEM, openssl signs with it and verifies
        pem, public_pem = directory / f"{who}.pem", directory / f"{who}.pub.pem"
        catena("keys", "convert", private, "--to", "pem", "--out", pem)
        public_pem.write_text(catena("keys", "pub", private, "--pem"))
        check.equal(f"{who}: openssl's public half", openssl("pkey", "-in", pem, "-pubout").decode(), public_pem.read_text())
        by_openssl = directory / "openssl.sig"
        openssl("pkeyutl", "-sign", "-rawin", "-in", message, "-inkey", pem, "-out", by_openssl)
        check.equal(f"{who}: openssl's signature", by_openssl.read_bytes(), signature.read_bytes())
        openssl("pkeyutl", "-verify", "-rawin", "-in", message, "-pubin", "-inkey", public_pem, "-sigfile", signature)
        check.true(f"{who}: its key in PEM", catena("check-sig", message, by_openssl, "--pub", public_pem).startswith("good: "))
        # there and back through docker-worker's form
        pair, back = directory / f"{who}.pair", directory / f"{who}.back"
        catena("keys", "convert", pem, "--to", "docker-worker", "--out", pair)
        catena("keys", "convert", pair, "--to", "scriptworker", "--out", back)
        check.equal(f"{who}: there and back", back.read_text(), private.read_text())
    made, read = directory / "made.pem", directory / "made"
    openssl("genpkey", "-algorithm", "ed25519", "-out", made)
    made.chmod(0o600)
    catena("keys", "convert", made, "--to", "scriptworker", "--out", read)
    by_openssl = directory / "made.sig"
    openssl("pkeyutl", "-sign", "-rawin", "-in", message, "-inkey", made, "-out", by_openssl)
    check.equal("a key that openssl made signs the same for the reference", signature_of(read), by_openssl.read_bytes())


def same_status(directory, links):
    """Both tools on the same files."""
    files = {
        "other": catena_public(directory),
        "newline": (directory / "ours_public_key").read_text() + "\n",
        "padding": (directory / "ours_public_key").read_text().rstrip("="),
        "short": "AAAA",
        "empty": "",
        "hex.sig": (directory / "message.sig").read_bytes().hex(),
        "empty.sig": "",
    }
    for name, content in files.items():
        (directory / name).write_text(content)
    (directory / "message.sig").write_bytes(signature_of(directory / "ours_private_key"))
    flipped = bytearray((directory / "message.sig").read_bytes())
    flipped[5] ^= 1
    (directory / "flipped.sig").write_bytes(flipped)
    own = ["--pubkey", "ours_public_key"]
    cases = {
        "good": (0, [*own, "message", "message.sig"]),
        "options behind": (0, ["message", "message.sig", *own]),
        "abbreviated": (0, ["--pub=ours_public_key", "message", "message.sig"]),
        "a newline behind the key": (0, ["--pubkey", "newline", "message", "message.sig"]),
        "behind --": (0, [*own, "--", "message", "message.sig"]),
        "help": (0, ["-h"]),
        "long help": (0, ["--help", "and", "more", "of", "it"]),
        "another key": (1, ["--pubkey", "other", "message", "message.sig"]),
        "no key": (1, ["message", "message.sig"]),
        "flipped": (1, [*own, "message", "flipped.sig"]),
        "another message": (1, [*own, "other", "message.sig"]),
        "a signature in hex": (1, [*own, "message", "hex.sig"]),
        "an empty signature": (1, [*own, "message", "empty.sig"]),
        "a short key": (1, ["--pubkey", "short", "message", "message.sig"]),
        "an empty key": (1, ["--pubkey", "empty", "message", "message.sig"]),
        "a key without padding": (1, ["--pubkey", "padding", "message", "message.sig"]),
        "no key file": (1, ["--pubkey", "absent", "message", "message.sig"]),
        "no message": (1, [*own, "absent", "message.sig"]),
        "no signature": (1, [*own, "message", "absent"]),
        "nothing": (2, []),
        "one file": (2, ["message"]),
        "three files": (2, ["message", "message.sig", "message"]),
        "an unknown option": (2, ["--nope", "message", "message.sig"]),
        "a key is missing": (2, ["message", "message.sig", "--pubkey"]),
    }
    for name, (expected, arguments) in cases.items():
        theirs, ours = (run([where / TOOL, *arguments], directory) for where in (BIN, links))
        check.equal(f"{TOOL}, {name}", (theirs.returncode, ours.returncode), (expected, expected))
        if expected == 2:
            check.true(f"{name}: usage", "usage:" in ours.stderr and "usage:" in theirs.stderr, ours.stderr)
        if expected != 0:
            check.equal(f"{name}: stdout", ours.stdout, theirs.stdout)
    good = run([BIN / TOOL, *cases["good"][1]], directory), run([links / TOOL, *cases["good"][1]], directory)
    check.true("good: both say which key", all(f"Verified good with cmdln seed {(directory / 'ours_public_key').read_text()} !" in done.stderr for done in good), good)


def catena_public(directory):
    private = directory / "another"
    catena("keys", "gen", "--out", private)
    return pathlib.Path(f"{private}.pub").read_text()


def differences(directory, links):
    """Where ours is stricter (P39)."""
    before = (directory / "ours_public_key").read_text()
    done = run([links / "gen_ed25519_key", "ours"], directory)
    check.equal("an existing pair is not replaced", (done.returncode, (directory / "ours_public_key").read_text()), (1, before))
    check.equal("a private key is private", (directory / "ours_private_key").stat().st_mode & 0o777, 0o600)
    os.umask(0)
    check.equal("whatever the umask", run([links / "gen_ed25519_key", "open"], directory).returncode, 0)
    check.equal("and stays so", (directory / "open_private_key").stat().st_mode & 0o777, 0o600)


def main():
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryDirectory() as bin_directory:
        directory, links = pathlib.Path(name), install(bin_directory)
        cross(directory, links)
        same_status(directory, links)
        differences(directory, links)
    return check.done()


if __name__ == "__main__":
    sys.exit(main())
