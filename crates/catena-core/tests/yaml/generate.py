#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Writes cases.json: small documents, and what PyYAML's safe_load makes of each.

Run with PyYAML 6.0.3 (`pip install pyyaml==6.0.3`). Values are typed: an integer is {"int": digits}, a float
{"float": its 64 bits in hex}, a mapping {"map": [[key, value], ...]}, what JSON cannot write {"foreign": kind}.
"""

import datetime
import io
import json
import math
import os
import random
import struct

import yaml

SCALARS = [
    "yes", "No", "~", "017", "0o17", "0x1F", "1_000", "1:30", ".inf", "-.INF", ".nan", "1e3", "1.5e3", "2026-01-01",
    "2026-01-01T00:00:00Z", "!!str 5", "!!int '7'", "'quoted'", '"\\u00e9"', "on", "<<", "=", "- a", "[a, b]",
    "{a: b}", "|\n  block", "null", "Null", "+12", "0b11", "12e03", "!lab tagged", "*nowhere", "&here x",
]
CONTEXTS = ["%s\n", "a: %s\n", "- %s\n", "[%s]\n", "{k: %s}\n", "%s: v\n", "a:\n  - b: %s\n    c: d\n"]

PLAIN = """
y n Y N true True TRUE tRUE false False FALSE off OFF oFF ON NO nO yEs NULL nUll null1 0 -0 +0 00 07 08 09 0_7 0_ 1_ 1__0 _1
0b 0b_ 0b1_0 -0b11 0b2 0x 0x_ 0xfF -0xA 0xg 0o7 -017 1:0 1:60 59:59 1:2:3 -1:30 01:30 1_0:5 1:30.5 1:30. 1.5:30 190:20:30.15
1. .5 +.5 -.5 ._1 .5_5 1.5 1.5e3 1.5e+3 1.5E-3 1e+3 1.e+3 -1.5e+400 685_230.15 685.230_15e+03 . .. ... +.inf .Inf .INF
-.inf .NaN .NAN +.nan -.nan .nAn 2026-1-1 2026-01-1 2026-13-01 2026-02-30 2024-02-29 0000-01-01 2026-01-01T1:02:03
2026-01-01t01:02:03.5 2026-01-01T01:02:03+1 2026-01-01T01:02:03-01:30 2026-01-01T01:02:03+24 2026-01-01T25:00:00Z
2026-01-01T00:60:00Z 2026-01-01T00:00:00.1234567Z 2026-01-01T00:00 12345678901234567890 -170141183460469231731687303715884105728
170141183460469231731687303715884105727 170141183460469231731687303715884105728 0xffffffffffffffffffffffffffffffffff
9007199254740993 9007199254740993.0 1.7976931348623157e+308 5e-324 4.9e-324 0.1 -0.0 100000000000000000000000.0
a:b a:b:c :a ::a -a --a ?a a? a#b a,b a]b a}b a|b a>b a&b a*b a!b a%b a@b a`b ${x} $x %x @x `x ,x ]x }x #x |x >x !x &x *x
http://example.com/?a=b&c=d a'b a"b a\\b \\n é 日本 😀 ~x =x <<x << = == ~~ !!str !!null !!int !!map !!seq !!set ! !!x !<tag:yaml.org,2002:str>
""".split()

TAGGED = """
!!str yes | !!str "yes" | !!str ~ | !!str | !!str 'a' | !!int 5 | !!int "010" | !!int 0x1F | !!int 1:30 | !!int five | !!int '' | !!int 1.0
!!float 5 | !!float 1e3 | !!float "1.5" | !!float .inf | !!float x | !!float 1:30.5 | !!bool yes | !!bool "YES" | !!bool yEs | !!bool 1 | !!bool x
!!null x | !!null "" | !!null 5 | !!timestamp 2026-01-01 | !!timestamp "2026-1-1" | !!timestamp x | !!timestamp 2026-13-01
!!binary aGVsbG8= | !!binary "aGVs\\n bG8=" | !!binary a | !!binary é | !!seq [a] | !!seq {a: b} | !!seq a | !!map {a: b} | !!map [a] | !!map a
!!set {a, b} | !!set {a: 1} | !!set {[a]: 1} | !!set [a] | !!set a | !!str [a] | !!str {a: b} | !!int [a] | !!omap [a: 1, b: 2] | !!omap {a: 1}
!!omap [a] | !!pairs [a: 1, a: 2] | !!pairs a | !!python/none x | !!python/name:os.system x | !!python/object/apply:os.getcwd []
!local x | !e!x y | !<tag:yaml.org,2002:int> 5 | !<!local> x | !<x x | ! x | ! 12 | ! "12" | ! [a] | !!str&a x | !!str &a x | &a !!str x | !!merge x | !!value x | !!yaml x
!!st%72 5 | !!str,x | [!!str, a] | {!!str : a} | !!str a: b | &a a: b | &a | [&a , *a] | [&a x, *a] | [&a x,*a] | [&a] | {&a b: *a} | {a: &a b, *a : c}
""".replace("\n", "|").split("|")

STRUCTURES = [
    # empty, markers, several documents
    "", "\n", "# only a comment\n", "---\n", "--- \n...\n", "...\n", "--- a\n", "--- a\n...\n", "--- a\n...\n# c\n", "a\n---\nb\n",
    "---\n---\n", "a: b\n...\nc: d\n", "--- a: b\n", "--- |\n a\n", "--- >\na\n", "---a\n", "a\n--- b", "a: |\n  x\n---\n",
    "%YAML 1.1\n---\na\n", "%YAML 1.2\n---\na\n", "%YAML 2.0\n---\na\n", "%TAG ! tag:x,2000:\n---\na\n", "%foo\n---\na\n", "%YAML 1.1\na\n", "a: b\n%x\n",
    # block collections
    "a: b\nc: d\n", "a:\n- b\n- c\n", "a:\n  - b\n  - c\n", "- a\n- - b\n  - c\n-\n  - d\n", "- a: b\n  c: d\n- e: f\n", "-\n  a: b\n", "- - - a\n",
    "a:\n b:\n  c:\n   d\n", "a:\n  b\n", "a:\nb:\n", "a: \n\n\nb: c\n", "a:\n    b: c\n    d: e\nf: g\n", "a:\n    b: c\n  d: e\n", " a: b\nc: d\n", "a: b\n c: d\n",
    "a:\n  - b\n c: d\n", "a:\n - b\n  - c\n", "- a\n b\n", "- a\nb\n", "- a\nb: c\n", "a: b: c\n", "a: - b\n", "a:b\n", "a :b\n", "a : b\n", "a: b\na\n", "a\nb: c\n",
    "a: b c\n   d e\n\n   f\n", "a: b\n  c: d\n", "a:\n  b\n  c: d\n", "- a\n  b\n\n  c\n", "a\n b\n  c\n", "a: b # c\n", "a: b# c\n", "a: #b\n", "a: b\n# c\n  d\n", "a: b #c\n  d\n", "a #b\nc\n",
    "? a\n: b\n", "? a\n", "? a\n? b\n", "? a\n: b\n: c\n", "? - a\n: b\n", "? a: b\n: c\n", "?\n- a\n: b\n", "? |\n  a\n: b\n", ": a\n", ":\n", "- : a\n", "a: b\n: c\n", "? : a\n", "?a: b\n", "- ? a\n  : b\n", "- ?\n- :\n", "?\na: b\n: c\n",
    "a: b\na: c\n", "a: 1\nb: 2\na: 3\n", "1: a\ntrue: b\n", "1: a\n1.0: b\n", "0: a\nfalse: b\n-0.0: c\n", "~: a\nnull: b\n'': c\n", "2026-01-01: a\n", ".nan: a\n", ".inf: a\n-.inf: b\n.inf: c\n", "[a]: b\n", "{a: b}: c\n", "? [a]\n: b\n",
    "'a': b\n\"c\": d\n", "'a' : b\n", "\"a\":b\n", "'a'b: c\n", "'a' b\n", "\"a\" \"b\"\n", "a: 'b' c\n", "a: 'b'\n  c: d\n",
    "a: !!str\nb: c\n", "a: &x\nb: *x\n", "a: &x\n  b: c\nd: *x\n", "&x a: b\nc: *x\n", "&x\na: b\n", "&x\n- a\n", "a: &x !!map\n  b: c\n", "a: &x\n- b\n", "!!map\na: b\n", "- &x a\n- *x\n- *x\n", "- &x a\n- &x b\n- *x\n", "- *x\n- &x a\n",
    "&x [*x]\n", "&x {a: *x}\n", "- &x-y_1 a\n- *x-y_1\n", "- &x.y a\n", "- &é a\n", "*a : b\n", "&a a: 1\n*a : 2\n", "&a a: 1\n*a: 2\n", "- &a &b c\n", "- *a b\n", "a: *b: c\n", "- &a\n- *a\n",
    # merge keys
    "a: &a {x: 1, y: 2}\nb: {<<: *a}\n", "a: &a {x: 1, y: 2}\nb: {y: 3, <<: *a, z: 4}\n", "a: &a {x: 1}\nb: {<<: *a, x: 2}\n", "a: &a {x: 1}\nb: &b {x: 2, y: 2}\nc: {<<: [*a, *b]}\nd: {<<: [*b, *a]}\n",
    "a: &a {x: 1}\nb: &b {x: 2, y: 2}\nc: {<<: *a, <<: *b}\n", "a: &a {x: 1}\nb: &b {<<: *a, y: 2}\nc: {<<: *b, z: 3}\n", "a: {\"<<\": {x: 1}}\n", "a: {'<<': {x: 1}, <<: {y: 1}}\n", "a: {<<: {x: 1}}\n",
    "a: {<<: []}\n", "a: {<<: [{x: 1}, {x: 2, y: 2}], x: 0}\n", "a: {<<: 1}\n", "a: {<<: [1]}\n", "a: {<<: }\n", "a: {<<: [[{x: 1}]]}\n", "a: &a [{x: 1}]\nb: {<<: *a}\n", "<<: {a: b}\nc: d\n", "a: {<<: {1: x}, 1: y}\n", "a: {!!str <<: {x: 1}}\n",
    "a: {<<: !!set {x}}\n", "a: !!set {<<: {x: 1}}\n", "a: {x: 1, <<: {y: 2, x: 3}, x: 4}\n", "a: {? <<\n: {x: 1}}\n", "x:\n  <<:\n    - a: 1\n    - b: 2\n  c: 3\n", "- &m <<\n", "{&m <<: {a: b}}\n", "=: a\n", "{=: a, b: =}\n", "a: {=: 1}\n", "!!str {=: x}\n",
    # flow collections
    "[]\n", "{}\n", "[a]\n", "[a,]\n", "[a,,b]\n", "[,]\n", "[,a]\n", "{,}\n", "{a}\n", "{a,}\n", "{a, b: c}\n", "{a: b,}\n", "{a: b c: d}\n", "{a b: c d}\n", "[a b, c d]\n", "[a: b]\n", "[a: b, c: d]\n", "[a: b: c]\n", "{a: b: c}\n", "[a, [b, {c: [d]}]]\n",
    "[a\n, b\n]\n", "[\na,\nb\n]\n", "a: [\nb\n]\n", "a: {\n b: c\n}\n", "a: {\nb: c,\n\nd: e}\n", "[a b\n c]\n", "{a\n b: c}\n", "{a\n: b}\n", "{'a'\n: b}\n", "[a\n: b]\n", "[[a]\n: b]\n", "{a:\n b}\n", "{a: b\n c}\n", "{? a\n : b}\n", "{? a\n b : c}\n", "{? a}\n", "{?}\n", "[? a : b]\n", "[?a]\n", "{?a: b}\n", "[a?b]\n", "{a: b?c}\n",
    "{a:b}\n", "{a:b, c}\n", "{'a':b}\n", "{\"a\":1}\n", "[\"a\":1]\n", "{\"a\" :1}\n", "{a :b}\n", "{:a}\n", "{: a}\n", "[: a]\n", "[:a]\n", "{a: , b: }\n", "{a:, b:}\n", "{a:}\n", "[a:]\n", "[a:,b]\n", "{a:[b]}\n", "{a: [b]}\n", "[-]\n", "[- a]\n", "[-a]\n", "{-}\n", "[a, -]\n", "[a,b]\n", "[a,#b\n]\n", "[a, #b\n]\n", "[a #b\n, c]\n",
    "[a", "{a", "a]", "a}", "]", "}", "[a}", "{a]", "[a]]", "[a] b\n", "[a]: b\n", "{a: b}c\n", "[a]#b\n", "[a] #b\n", "[|]\n", "[>]\n", "[|\n a\n]\n", "[%a]\n", "[@a]\n", "[`a]\n", "[a%b]\n", "[---]\n", "[--- ]\n", "[\n---\n]\n", "[\n...\n]\n", "{\n--- : a}\n", "[a, b]: c\n", "? {a: b}\n", "[*a]\n", "[!!str a, !!int '1']\n", "{!!str a: !!int 1}\n", "{!!str : a}\n", "[http://a/b:c, d:e]\n", "{a: http://b/?c=d}\n", "{a: b#c}\n", "{\"a\":\"b\",\"c\":[1,2.5,true,null]}\n", "[\"a\"\"b\"]\n", "['a' 'b']\n", "['a''b']\n",
    # quoted scalars
    "''\n", "\"\"\n", "'a''b'\n", "'a\\nb'\n", "'a\n b'\n", "'a\n\n b'\n", "'a \n\n\n  b '\n", "' a '\n", "'\n'\n", "'a\n'\n", "\"a\n b\"\n", "\"a\\\n  b\"\n", "\"a \\\n  b\"\n", "\"a\\\n  \\ b\"\n", "\"a\n\n\n b\"\n", "\"a\\n\n b\"\n", "\"\\\n a\"\n", "\"\t a\t\n \tb\t\"\n", "'\ta\t'\n",
    r'"\0\a\b\t\n\v\f\r\e\ \"\/\\\N\_\L\P"', r'"\x41\u00e9\U0001F600"', r'"\xZZ"', r'"\x4"', r'"\u12"', r'"\U00110000"', r'"\ud83d\ude00"', r'"\ud83d"', r'"\U0000d83d"', r'"\q"', r'"\'"', r'"\1"', "\"\\\t\"", "\"a\\", "\"a", "'a", "'a\n---\nb'\n", "\"a\n...\nb\"\n", "'a\n--- b'\n", "'a\n---b'\n", "a: \"b\nc\"\n", "a: 'b\n c'\n", "- 'a\n  b'\n", "'a': 'b'\n", "'a\n b': c\n", "\"a\\x3a b\"\n", "\"a: b\"\n", "\"# a\"\n", "'a' # b\n", "'a'# b\n", "\"é\"\n", "\"😀\"\n",
    # tabs and other characters
    "\ta: b\n", "a:\tb\n", "a: \tb\n", "a: b\t\n", "a: b\tc\n", "a:\n\tb\n", "a: b\n\t\n", "a: b\n \t\n", "-\ta\n", "- \ta\n", "a: b \t# c\n", "a: b # c\td\n", "#\ta\n", "\t# a\n", "[\ta]\n", "[a,\tb]\n", "{a:\tb}\n", "a: |\t\n  b\n", "a: | \t# c\n  b\n", "a: |\n\tb\n", "a: |\n  b\tc\n", "a: |\n  b\n\t\n", "a: |\n  \tb\n", "a: >\n  b\n  \tc\n", "a: 'b\tc'\n", "a: 'b\n\tc'\n", "? \ta\n", "a:\t\n  b: c\n", "\t\n", "a\t\n", "a: !!str\tb\n", "a: &x\tb\n", "---\ta\n",
    "a: b\r\nc: d\r\n", "a: |\r\n  b\r\n  c\r\n", "a: >\r\n  b\r\n  c\r\n", "a: 'b\r\n  c'\r\n", "a: b\r\n  c\r\n", "a: b\rc: d\r", "a: |\r  b\r", "a: \"b\\\r\n  c\"\r\n", "a: b\x85c: d\n", "a: b\u2028c\n", "a: 'b\u2029c'\n", "a: \x07\n", "a: \x00\n", "a\x7f\n", "a: \x80\n", "a: \x9f\n", "a: \xa0b\n", "a: \xa0\n", "\ufeffa: b\n", "\ufeff", "a: \ufeffb\n", "\ufeff\ufeffa\n", "a: \ufffe\n", "a: \uffff\n", "a: \U0001fffe\n", "a: '\x1b'\n", "# \x01\n",
    # block scalars
    "|\n a\n", "|\na\n", ">\n a\n", "|\n", ">\n", "|", ">-", "a: |\n", "a: |\nb: c\n", "a: |\n  b", "a: >\n  b", "a: |+\n  b", "a: |-\n  b", "a: |\n  b\n ", "a: |+\n  b\n ", "a: |+\n  b\n  ", "a: |\n  b\n   ", "a: |+\n\n", "a: |+\n\n\nb: c\n", "a: |\n\n\n  b\n", "a: |\n    \n  b\n", "a: |\n \n  b\n", "a: |\n   b\n  c\n", "a: |\n  b\n   c\n  d\n", "a: |\n  b\n c\n", "a: |\n  b\n# c\nd: e\n", "a: |\n  b\n # c\nd: e\n", "a: |\n  # b\n  c\n", "a: |\n # b\n", "a: |\n b\n", "a: |\n- b\n", "- |\n a\n", "- |\na\n", "- |\n  a\n- b\n", "- - |\n   a\n", "a:\n- |\n b\n", "a:\n- |\n  b\n- c\n", "a:\n  - |\n   b\n",
    "a: |1\n b\n", "a: |1\n  b\n", "a: |2\n b\n", "a: |2\n   b\n  c\n", "a: |2-\n   b\n", "a: |-2\n   b\n", "a: |+2\n   b\n\n", "a: |0\n b\n", "a: |10\n b\n", "a: |22\n b\n", "a: |--\n b\n", "a: |-+\n b\n", "a: |x\n b\n", "a: | x\n b\n", "a: |# c\n b\n", "a: | # c\n b\n", "a: |- # c\n b\n", "a: |2 # c\n   b\n", "a:\n- |2\n   b\n", "a:\n- |1\n  b\n", "- a: |2\n     b\n", "|2\n  a\n", "|2\n   a\n", ">1\n  a\n b\n", "- |1\n  a\n", "a:\n  b: |1\n    c\n", "a: |9\n           b\n",
    "a: >\n  b\n  c\n", "a: >\n  b\n\n  c\n", "a: >\n  b\n\n\n  c\n", "a: >\n  b\n   c\n  d\n", "a: >\n  b\n\n   c\n\n  d\n", "a: >\n   b\n", "a: >\n  b\n  \n  c\n", "a: >\n  b\n    \n  c\n", "a: >-\n  b\n  c\n\n", "a: >+\n  b\n  c\n\n", "a: >\n\n  b\n", "a: >\n  - b\n  - c\n", "a: >\n  b  \n  c\n", "a: >\n\n   b\n\n  c\n", "a: !!str |\n  b\n", "a: &x |\n  b\nc: *x\n", "a: &x !!str >-\n  b\nc: *x\n", "a: !!int |\n  5\n", "a: !!int |-\n  5\n", "|\n a: b\n", "a: |\n  ---\n", "a: |\n---\n", "? |\n a\n: |\n b\n", "{a: |\n b}\n", "a: |\n  b\nc: >\n  d\n", "a: b |\n  c\n", "a: |\n\n", "a: |-\n\n", "a: |\n  b\n\n\nc: d\n", "a: |+\n  b\n\n\nc: d\n", "a: |-\n  b\n\n\nc: d\n", "k:\n|\n", "k:\n |\n  a\n",
    # plain scalars over several lines
    "a\nb\n", "a\n\nb\n", "a: b\n\n  c\n", "a:\n  b\n  c\n", "a:\n b\n  c\n   d\n", "a: b\nc\n", "a: b\n c:d\n", "a: b\n - c\n", "a: b\n  - c\n", "- a\n  - b\n", "a: b\n  # c\n  d\n", "a: b:\n", "a: b :\n", "a: b : c\n", "a: b, c\n", "a: [b\n", "a: b]\n", "a: 'b\n", "a: b'c\n", "a: b\\nc\n", "a: b\n---\n", "a: b\n  ---\n", "a: b\n...\n", "a b: c d\n", "a: b  c\n", "a:  b  \n", "a: b\n   c\n  d\n",
    # the 1024 characters of a simple key
    "%s: a\n" % ("k" * 1023), "%s: a\n" % ("k" * 1024), "%s: a\n" % ("k" * 1025), "'%s': a\n" % ("k" * 1022), "'%s': a\n" % ("k" * 1023), "{%s: a}\n" % ("k" * 1024), "{%s: a}\n" % ("k" * 1025), "{'%s' : a}\n" % ("é" * 1021), "{'%s' : a}\n" % ("é" * 1022), "? %s\n: a\n" % ("k" * 1100), "{? %s : a}\n" % ("k" * 1100), "[%s: a]\n" % ("k" * 1025),
]

TEMPLATE = """\
version: 1
reporting: checks-v1
policy: {pullRequests: public}
tasks:
    # one decision task
    - $let:
          head_rev: {$if: 'tasks_for == "github-push"', then: '${event.after}', else: "${event.ref[:7]}"}
          retries: 010
          on: yes
      in:
          $if: 'tasks_for in ["github-push", "cron"] && event.ref != ""'
          then: &task
              taskId: {$eval: as_slugid("decision")}
              created: {$fromNow: ''}
              deadline: {$fromNow: '1 day'}
              payload:
                  maxRunTime: 1_800
                  features: {chainOfTrust: true, taskclusterProxy: on}
                  command: ["/usr/bin/run", '--x=''y''', >-
                    folded]
              extra: {cron: {$json: {$eval: cron}}, tasks_for: '${tasks_for}', since: 2026-01-01}
          else:
              <<: *task
              priority: low
              description: |
                  Two
                    lines

                  # not a comment
"""


def encode(value):
    """Returns the value in the typed form."""
    if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
        return {"foreign": "surrogates"}
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return {"int": str(value)} if abs(value) < 2**127 else {"foreign": "integer beyond 128 bits"}
    if isinstance(value, float):
        return {"float": "nan" if math.isnan(value) else struct.pack(">d", value).hex()}
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    if isinstance(value, dict):
        return {"map": [[encode(key), encode(item)] for key, item in value.items()]}
    for kind, name in ((bytes, "binary"), (set, "set"), (datetime.date, "date")):
        if isinstance(value, kind):
            return {"foreign": name}
    raise TypeError(type(value))


def load(document):
    """Returns the case; the file is read as text, as the reference does."""
    try:
        with io.TextIOWrapper(io.BytesIO(document.encode()), encoding="utf-8") as file:
            return {"yaml": document, "value": encode(yaml.safe_load(file))}
    except Exception as error:  # PyYAML raises errors of Python too: ValueError, KeyError, OverflowError
        return {"yaml": document, "error": type(error).__name__}


MUTATIONS = ["\n", " ", "  ", ":", ": ", "-", "- ", "? ", " #", "[", "]", "{", "}", ",", "'", '"', "|", ">", "&a ", "*a", "!!str ", "<<: ", "\t", "~", "%", "\\"]


def mutants(count):
    """Returns documents that differ from pieces of the template in one or two places."""
    chance = random.Random(1)
    lines = TEMPLATE.splitlines(keepends=True)
    for _ in range(count):
        first = chance.randrange(len(lines))
        text = "".join(lines[first : first + chance.randint(1, 4)])
        for _ in range(chance.randint(1, 2)):
            at = chance.randrange(len(text) + 1)
            text = text[:at] + chance.choice(MUTATIONS) + text[at + chance.choice([0, 0, 1]) :]
        yield text


def main():
    """Writes cases.json beside this file."""
    documents = [context % scalar for scalar in SCALARS for context in CONTEXTS]
    documents += ["- %s\n" % scalar for scalar in PLAIN]
    documents += ["%s\n" % text.strip() for text in TAGGED if text.strip()]
    documents += STRUCTURES + [TEMPLATE]
    documents += mutants(400)
    cases = [load(document) for document in dict.fromkeys(documents)]
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cases.json")
    with open(path, "w", encoding="ascii") as file:
        file.write("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
    print(len(cases), "cases by PyYAML", yaml.__version__)


if __name__ == "__main__":
    main()
