"""The tasks of beside.py: what each does, and where the two workers may differ.

A row is `(name, payload, changes of the definition, difference)`; a difference is None or the name of one of DIFFERENCES.
"""

# worker.md marks each of these [D], or a ruling does: what scriptworker does, and what catena worker does instead.
# "ends": the daemon ends, and its run stays claimed.
DIFFERENCES = {
    "malformed claim": ("worker.md 3: a malformed task ends scriptworker", "ends", ["exception", "malformed-payload"]),
    "superseded": ("worker.md 7: the queue refuses this reason, which ends scriptworker", "ends", ["failed", "failed"]),
    "refused artifact": ("worker.md 8.5: a 4xx from createArtifact ends scriptworker", "ends", ["exception", "internal-error"]),
    "refused name": ("S51: a name with a control character ends scriptworker", "ends", ["exception", "malformed-payload"]),
    "broken link": ("S51: a link to nothing ends scriptworker", "ends", ["exception", "malformed-payload"]),
    "link outside": ("worker.md 8.1: links may not leave artifact_dir", ["completed", "completed"], ["exception", "malformed-payload"]),
    "worker's name": ("P36: names of the worker's own documents", ["completed", "completed"], ["exception", "malformed-payload"]),
    "coding": ("worker.md 8.2: only codings that the worker applied are declared", None, None),
    # needs no mark: which names it is depends on the platform
    "type": ("worker.md 8.2: a fixed table of types, not the platform's", None, None),
    "lossy": ("worker.md 5: bytes that are no UTF-8 are replaced", None, None),
    "stopped": ("docs/worker.md: the log says why a script was stopped", None, None),
    "lost claim": ("worker.md 6: nothing is reported for a lost claim, and there is no document", None, None),
    "view": ("docs/worker.md: CATENA_WORK_DIR; a group, but no session of its own; P36: no live_backing.log yet", None, None),
}

# What each exit code becomes needs no list: both must agree. 6 is the old `superseded`.
CODES = [*range(9), 9, 10, 11, 15, 42, 64, 77, 99, 100, 125, 126, 127, 128, 130, 134, 137, 139, 143, 200, 240, 241, 242, 244, 245, 246, 250, 254, 255]
SIGNALS = "TERM KILL SEGV ABRT HUP INT QUIT USR1 USR2 PIPE ALRM BUS FPE ILL TRAP SYS XCPU XFSZ".split()
# names whose type both workers know by themselves, or that no table knows
NAMES = """a.txt a.log a.asc a.diff a.xml a.tar.gz a.tgz a.dmg a.json a.html a.htm a.zip a.tar a.css a.js a.csv a.pdf a.png a.gif
a.jpg a.svg a.exe a.dll a.so a.bin.unknown a.complete.mar none .hidden a. a.json.asc a.TXT a.Json a.txt.bak a.tsv a.wasm a.mp4 a.xpi
a.apk a.jar a.py a.sh a.deb a.rpm a.msi a.pkg a.md a.yml a.yaml a.toml a.patch a.c a.h""".split()
CODED = "a.gz a.json.gz a.xz a.tar.bz2 a.bz2 a.tar.xz a.txt.gz".split()
ODD_NAMES = ["with space.txt", "a+b.bin", "a#b.txt", "a?b.bin", "a&b=c.txt", "'quoted'.json", '"double".txt', "~tilde.txt", "semi;colon.bin", "n" * 200 + ".txt", "d/e/e/p/e/r/a.json", "[brackets].txt", "a:b.txt"]

# the types of our table that Python's own tables do not have, or have otherwise, or have in some versions only
TYPES = {
    "apk": "application/vnd.android.package-archive",
    "bin": "application/binary",
    "bz2": "application/x-bzip2",
    "deb": "application/vnd.debian.binary-package",
    "gz": "application/gzip",
    "h": "application/binary",
    "jar": "application/java-archive",
    "js": "text/javascript",
    "md": "text/markdown",
    "msi": "application/x-msi",
    "pkg": "application/octet-stream",
    "rpm": "application/x-rpm",
    "sig": "application/octet-stream",
    "xpi": "application/x-xpinstall",
    "xz": "application/x-xz",
    "yaml": "application/yaml",
    "yml": "application/yaml",
}

HELLO = {"text": "hello\n"}


def outcomes():
    for code in CODES:
        yield f"exit {code}", [["say", HELLO], ["exit", code]], {"retries": 1}, "superseded" if code == 6 else None
    for code in (2, 7, 241, 245):
        yield f"exit {code}, then well", [["exit first", code], ["file", "public/a.txt", HELLO]], {"retries": 2}, None
    for name in SIGNALS:
        yield f"death by {name}", [["say", HELLO], ["die", f"SIG{name}"]], {}, None


def timeouts():
    nap = ["wait", 60]
    for what, difference, limit, steps in (
        ("too long", "stopped", 5, [["say", HELLO], nap]),
        ("too long and stubborn", "stopped", 5, [["stubborn"], ["say", HELLO], nap]),
        ("too long, with artifacts", "stopped", 5, [["file", "public/a.txt", HELLO], nap]),
        ("a grandchild takes too long", "stopped", 5, [["grandchild", 60]]),
        ("a grandchild ends in time", None, 30, [["grandchild", 1], ["say", HELLO]]),
        ("in time", None, 30, [["say", HELLO]]),
        ("no time at all", "stopped", 0, [["say", HELLO], nap]),
        ("more time than there is", None, 100_000, [["say", HELLO]]),
    ):
        yield what, steps, {"payload": {"maxRunTime": limit}}, difference


def malformed():
    for value in ("60", 1.5, True, None, [1]):
        yield f"maxRunTime {value!r}", [], {"payload": {"maxRunTime": value}}, "malformed claim"
    for path, optional in (("/etc/passwd", False), ("public/../../a", False), ("public/*.txt", False), ("../*", True)):
        upstream = {"taskId": "eSzfNqMZT_mSiQQXu8hyqg", "taskType": "build", "paths": [path], "optional": optional}
        yield f"upstream {path}", [], {"payload": {"upstreamArtifacts": [upstream]}}, "malformed claim"
    for path, optional in (("public/a.txt", False), ("public/*.txt", True)):
        upstream = {"taskId": "eSzfNqMZT_mSiQQXu8hyqg", "taskType": "build", "paths": [path], "optional": optional}
        yield f"upstream {path}, well", [["say", HELLO]], {"payload": {"upstreamArtifacts": [upstream]}}, None


def artifacts():
    for name in NAMES:
        yield f"artifact {name}", [["file", f"public/build/{name}", {"text": '{"a": 1}\n'}]], {}, None
    for name in CODED:
        yield f"artifact {name}", [["file", f"public/build/{name}", {"hex": "1f8b08000000000002034bcec82c5628492d2e512ec9485548ab2a2dcee70200cb1fdd6512000000"}]], {}, "coding"
    for name in ODD_NAMES:
        yield f"artifact {name}", [["file", f"public/{name}", HELLO]], {}, None
    for name in ("public/ümlaut.txt", "public/100%.txt", "public/back\\slash.txt"):
        yield f"artifact {name!r}", [["file", name, HELLO]], {}, "refused artifact"
    yield "artifact with a tab", [["file", "public/tab\tin.txt", HELLO]], {}, "refused name"
    yield "private artifact", [["file", "private/a.txt", HELLO], ["file", "releng/b.bin", HELLO]], {}, None
    for what, name, content in (
        ("empty file", "a.bin", {"text": ""}),
        ("empty text", "a.txt", {"text": ""}),
        ("empty json", "a.json", {"text": ""}),
        ("a megabyte", "a.bin", {"size": 1 << 20}),
        ("a megabyte of text", "a.log", {"text": "0123456789abcde\n" * (1 << 16)}),
        ("what is packed already", "a.txt", {"hex": "1f8b08000000000002034bcec82c5628492d2e512ec9485548ab2a2dcee70200cb1fdd6512000000"}),
        ("no json at all", "a.json", {"hex": "00ff00ff"}),
        ("carriage returns", "a.txt", {"text": "a\r\nb\rc"}),
    ):
        yield what, [["file", f"public/{name}", content]], {}, None


def trees():
    yield "nothing", [], {}, None
    yield "empty directories", [["directory", "public/empty"], ["directory", "public/more/empty"]], {}, None
    yield "40 files", [["file", f"public/many/{n}.{'txt' if n % 2 else 'bin'}", {"text": f"{n}"}] for n in range(40)], {}, None
    yield "read-only file", [["file", "public/a.txt", HELLO], ["mode", "public/a.txt", 0o400]], {}, None
    yield "link to a file", [["file", "public/a.bin", HELLO], ["link", "a.bin", "public/b.bin"]], {}, None
    yield "link to a directory", [["file", "public/d/a.bin", HELLO], ["link", "d", "public/e"]], {}, None
    yield "link to nothing", [["link", "nothing", "public/b.bin"]], {}, "broken link"
    yield "link outside", [["link", "/etc/hostname", "public/b.bin"]], {}, "link outside"
    yield "its own document", [["file", "public/chain-of-trust.json", HELLO]], {}, "worker's name"
    yield "its own signature", [["file", "public/chain-of-trust.json.sig", HELLO]], {}, "worker's name"
    yield "its own log", [["file", "public/logs/live_backing.log", HELLO], ["say", {"text": "said\n"}]], {}, None
    yield "another log", [["file", "public/logs/other.log", HELLO], ["say", HELLO]], {}, None


def logs():
    for what, steps in (
        ("silence", []),
        ("no end of line", [["say", {"text": "hello"}]]),
        ("only errors", [["complain", HELLO]]),
        ("a line of 64 KiB", [["say", {"text": "x" * 65535 + "\n"}]]),
        ("a line of 70 KiB", [["say", {"text": "x" * 71680 + "\n"}]]),
        ("a line of a megabyte", [["say", {"text": "y" * (1 << 20) + "\n"}], ["say", HELLO]]),
        ("many lines", [["say", {"text": "line\n"}, 5000]]),
        ("carriage returns in the log", [["say", {"text": "a\rb\r\nc\n"}]]),
        ("zero bytes", [["say", {"hex": "610062000a"}]]),
        ("colours and umlauts", [["say", {"text": "\x1b[31mrot\x1b[0m grün €\n"}]]),
        ("empty lines", [["say", {"text": "\n\n\nend\n"}]]),
    ):
        yield f"log: {what}", steps, {}, None
    for what, text in (("no UTF-8", "61ff620a"), ("half a character", "61e282")):
        yield f"log: {what}", [["say", {"hex": text}]], {}, "lossy"


def definitions():
    for what, changes in (
        ("numbers", {"payload": {"numbers": [0, -1, 1.5, 1e100, 9007199254740993, 1e-7, 100000000000000000000.0]}}),
        ("texts", {"payload": {"texts": ["ü€😀", "\u2028", "a/b", "<&>", "\x7f", "tab\t", "quote\""]}}),
        ("order", {"payload": {"z": {"b": 1, "a": [{"d": 1, "c": 2}]}, "A": {}, "a": []}}),
        ("scopes", {"scopes": ["a:b", "z:*", "a:c"]}),
        ("tags and extra", {"tags": {"kind": "a", "b": "c"}, "extra": {"a": {"b": [None, True, False]}}}),
        ("priority", {"priority": "low"}),
        ("routes", {"routes": ["index.a.b"]}),
        ("no expiry", {"expires": None}),
    ):
        yield f"definition: {what}", [["look"]], changes, "view"


def cancelled():
    for what, steps in (
        ("cancelled", [["say", HELLO], ["mark"], ["wait", 90]]),
        ("cancelled and stubborn", [["stubborn"], ["say", HELLO], ["mark"], ["wait", 90]]),
        ("cancelled, with artifacts", [["file", "public/a.txt", HELLO], ["mark"], ["wait", 90]]),
    ):
        yield what, steps, {}, "lost claim"


PARTS = (outcomes, timeouts, malformed, artifacts, trees, logs, definitions, cancelled)


def rows(names=()):
    """The tasks of the parts with these names, or all."""
    for part in PARTS:
        if not names or part.__name__ in names:
            yield from part()
