"""Puts many changes into one build, each behind a switch: mutant schemata.

`a == b`, which change 7 would make `a != b`, becomes `(if crate::mutants::on(7) { a != b } else { a == b })`; a function that change 8 would
make return `true` begins with `if crate::mutants::on(8) { return true; }`; a match arm that change 9 deletes gets the guard
`if !crate::mutants::on(9)`. The environment variable CATENA_MUTANT names the change that is on.
"""
import json
import pathlib
import re
import subprocess

import tree_sitter
import tree_sitter_rust

SWITCH = "CATENA_MUTANT"
RUST = tree_sitter.Parser(tree_sitter.Language(tree_sitter_rust.language()))
MODULE = f"""
#[allow(missing_docs, reason = "for tests of tests")]
pub(crate) mod mutants {{
    pub(crate) fn on(number: u32) -> bool {{
        static ON: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
        *ON.get_or_init(|| std::env::var("{SWITCH}").ok().and_then(|text| text.parse().ok()).unwrap_or(0)) == number
    }}
}}
"""


def on(number):
    return f"crate::mutants::on({number})"


def offset(source, place):
    """-> the byte of a line and column, both from 1; columns count characters."""
    lines = source.split(b"\n")
    before = sum(len(line) + 1 for line in lines[: place["line"] - 1])
    return before + len(lines[place["line"] - 1].decode()[: place["column"] - 1].encode())


def target(root, mutant, start, end):
    """-> the node that a change is about, or None."""
    node = root.descendant_for_byte_range(start, end)
    wanted = {
        "BinaryOperator": ("binary_expression", "compound_assignment_expr"),
        "UnaryOperator": ("unary_expression",),
        "MatchArm": ("match_arm",),
        "MatchArmGuard": ("match_arm",),
        "FnValue": ("block",),
    }.get(mutant["genre"], ())
    if mutant["genre"] == "FnValue":
        # the body of the function, whatever part of it the span names
        while node is not None and node.type != "function_item":
            node = node.parent
        return node and node.child_by_field_name("body")
    while node is not None and node.type not in wanted:
        node = node.parent
    if node is None:
        return None
    if mutant["genre"] == "BinaryOperator":
        operator = node.child_by_field_name("operator")
        # let chains are no expressions
        chained = any(child.type in ("let_condition", "let_chain") for child in node.children)
        return node if not chained and node.parent.type != "let_chain" and (operator.start_byte, operator.end_byte) == (start, end) else None
    return node


class Rewriter:
    """One file's text, with the changes of its nodes."""

    def __init__(self, source, changes):
        # changes: node id -> [(number, mutant)]
        self.source, self.changes = source, changes

    def text(self, node):
        """-> the node's text with the changes inside it."""
        out, at = [], node.start_byte
        for child in node.children:
            out.append(self.source[at : child.start_byte].decode())
            out.append(self.emit(child))
            at = child.end_byte
        out.append(self.source[at : node.end_byte].decode())
        return "".join(out)

    def emit(self, node):
        changes = self.changes.get(node.id)
        if not changes:
            return self.text(node)
        return getattr(self, node.type)(node, changes)

    def cases(self, changes, changed, unchanged):
        branches = [f"if {on(number)} {{ {changed(mutant)} }} else " for number, mutant in changes]
        return f"{''.join(branches)}{{ {unchanged} }}"

    def binary_expression(self, node, changes):
        left, operator, right = (node.child_by_field_name(part) for part in ("left", "operator", "right"))
        left, right = self.emit(left), self.emit(right)
        whole = self.source[operator.start_byte : operator.end_byte].decode()
        with_operator = lambda which: f"{left} {which} {right}"  # noqa: E731
        return f"({self.cases(changes, lambda mutant: with_operator(mutant['replacement']), with_operator(whole))})"

    compound_assignment_expr = binary_expression

    def unary_expression(self, node, changes):
        inner = self.emit(node.children[-1])
        return f"({self.cases(changes, lambda _: inner, self.source[node.start_byte : node.children[-1].start_byte].decode() + inner)})"

    def block(self, node, changes):
        begins = "".join(f" if {on(number)} {{ return {mutant['replacement'] or '()'}; }} " for number, mutant in changes)
        return "{" + begins + self.text(node).removeprefix("{")

    def match_arm(self, node, changes):
        pattern = node.child_by_field_name("pattern")
        condition = pattern.child_by_field_name("condition")
        head = self.source[node.start_byte : pattern.start_byte].decode()
        end = condition.start_byte if condition else pattern.end_byte
        bare = self.source[pattern.start_byte : end].decode().rstrip()
        bare = bare.removesuffix("if").rstrip() if condition else bare
        guard = f"({self.emit(condition)})" if condition else "true"
        for number, mutant in changes:
            kept = "false" if mutant["genre"] == "MatchArm" else mutant["replacement"]
            guard = f"(if {on(number)} {{ {kept} }} else {{ {guard} }})"
        value = node.child_by_field_name("value")
        rest = self.source[pattern.end_byte : value.start_byte].decode() + self.emit(value) + self.source[value.end_byte : node.end_byte].decode()
        return f"{head}{bare} if {guard} {rest}"


def rewrite(source, numbered):
    """-> the file with its changes behind switches, and the numbers of those that have no node."""
    root = RUST.parse(source).root_node
    changes, without = {}, set()
    for number, mutant in numbered.items():
        start, end = (offset(source, mutant["span"][place]) for place in ("start", "end"))
        node = target(root, mutant, start, end)
        if node is None:
            without.add(number)
        else:
            changes.setdefault(node.id, []).append((number, mutant))
    text = Rewriter(source, changes).emit(root)
    return text, without


def culprits(tree, package):
    """-> the numbers in or around the places of compile errors."""
    command = ["cargo", "check", "--quiet", "-p", package, "--lib", "--message-format=json"]
    done = subprocess.run(command, cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    found = set()
    for line in done.stdout.splitlines():
        message = json.loads(line).get("message") or {}
        if not isinstance(message, dict) or message.get("level") != "error":
            continue
        for span in message["spans"]:
            if span["file_name"].startswith("crates/"):
                found |= near(pathlib.Path(tree, span["file_name"]).read_bytes(), span["byte_start"], span["byte_end"])
    if done.returncode != 0 and not found:
        raise RuntimeError("the build fails, and no change is to blame")
    return found


def near(text, start, end):
    """-> the numbers within a place, or else those of the smallest switch around or before it."""
    inside = re.findall(rb"crate::mutants::on\((\d+)\)", text[start:end])
    if not inside:
        before = list(re.finditer(rb"crate::mutants::on\((\d+)\)", text[:start]))[-1:]
        inside = [match.group(1) for match in before]
    return {int(number) for number in inside}


def instrument(tree, numbered):
    """Rewrites the sources of a tree; -> the numbers of the changes that must be built one by one."""
    files = sorted({mutant["file"] for mutant in numbered.values()})
    for folder in {str(pathlib.Path(name).parts[3]) for name in files} | {"rebuild"}:
        for path in pathlib.Path(tree, "crates/catena-core/src", folder).rglob("*.rs"):
            # a switch is no constant; the blanks keep every column
            path.write_text(re.sub(r"\bconst (?=fn )", " " * 6, path.read_text()))
    originals = {name: pathlib.Path(tree, name).read_bytes() for name in files}
    library = pathlib.Path(tree, "crates/catena-core/src/lib.rs")
    library.write_text(library.read_text() + MODULE)
    excluded = set()
    while True:
        for name in files:
            own = {number: mutant for number, mutant in numbered.items() if mutant["file"] == name and number not in excluded}
            text, without = rewrite(originals[name], own)
            excluded |= without
            pathlib.Path(tree, name).write_text(text)
        more = culprits(tree, "catena-core")
        if not more:
            return excluded
        excluded |= more
