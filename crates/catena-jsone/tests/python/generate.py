#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Writes cases.json: templates, contexts, and what the Python implementation of JSON-e makes of them.

    python3 -m venv venv && venv/bin/pip install json-e==4.8.4
    venv/bin/python generate.py [SEED [COUNT]] > cases.json

The first cases are written by hand, the rest are drawn at random (the default seed gives the committed file).
Each case is {"template", "context", "result"} or {"template", "context", "error"}. Contexts get a function `slug`
on both sides.
"""

import datetime
import json
import math
import random
import signal
import sys

import jsone
import jsone.builtins
import jsone.shared

NOW = "2017-01-19T16:27:20.974Z"

EVENT = {
    "pusher": {"email": "a@b.example", "id": 7},
    "commits": [{"rev": "abc", "n": 1}, {"rev": "déf", "n": 2.5}],
    "ref": "refs/heads/main",
    "none": None,
    "yes": True,
}

# expressions, each one as {"$eval": ...} and as text "<${...}>"
EXPRESSIONS = """
4/2|7/2|1/3|-7/2|10**20|2**-1|2**0.5|0**0|0.0**0|2**3**2|-2**2|0**-1|(-8)**2|9007199254740993/1|123456789012345678901/3
1.0|1.50|0.1+0.2|1e3|10.0**16|10.0**15|0.1**5|1.5*2|3*1.0|3-3.0|-0.0|0.0|-0|100000000000000000000000.0|1/10**30
true==1|false==0|true==1.0|1==1.0|null==false|null==0|''==false|[1,true]==[true,1]|{a:1}=={a:true}|[1]==[1.0]|'a'=='a'|1=='1'
{a:1,b:2}=={b:2,a:1}|[1,2]==[2,1]|[]=={}|len==len|len==min|[len]==[len]|slug==slug|slug!=len|{f:len}=={f:len}
9007199254740993==9007199254740992.0|9007199254740992==9007199254740992.0
1<2|1<1.5|'a'<'b'|'a'<1|true<2|[1]<[2]|null<1|1.5>=1.5|2<=1|'B'<'a'|'é'>'z'
1||0|0||0|''||[]|'a'&&{}|1&&2&&3|null||'x'|0||unknown|1||unknown|0&&unknown|1&&unknown|!0|!''|![]|!{}|!null|!len|!!5|!-0.0
true || |false && |1 + |||true|false || )|(true || )|[true || ]|f(true||)|a[true || ]|(1|1)|()|( )|[|]|{|}
'a'+'b'|1+'a'|'a'+1|true+1|[1]+[2]|null+null|'a'-'b'|'a'*2|2*true|+5|-5|+'a'|-'a'|-true|--5|- -5|!-1|-!1|+null
a.b|!x.b|-l[0]|(-l[0])|!defined('x')|!(defined('x'))|-len('abc')|event.pusher.id|event.pusher.nope|event.none.x|event['ref']|event['nope']|event[0]|event[null]
event.commits[0].rev|event.commits[-1].rev|event.commits[2]|event.commits[-3]|event.commits[1.0]|event.commits['0']|event.commits[true].n|event.commits[null]
l[1:3]|l[:2]|l[2:]|l[:]|l[-2:]|l[:-1]|l[3:1]|l[100:]|l[:100]|l[-100:2]|l[true:]|l[null:2]|l[1:null]|l[1.0:]|l['a':]|l[1:2:3]|l[1 2]|l[1 2 3]|l[]|l[1,2]
s[0]|s[-1]|s[5]|s[99]|s[1:3]|s[-3:]|s[:]|s[null]|s['a']|s[0.0]|s[false]|u[1]|u[1:2]|u[-1]|len(u)|s.a|s[1:'x']|5[0]|null[0]|true[0]|{a:1}['a']|{a:1}['a':2]|{a:1}[:]|{a:1}[0]
{a:1,}|{a:1}.a|{'a b':1}['a b']|{a:1,a:2}|{a:unknown,a:2}.a|{1:2}|{a}|{a:}|{,}|{"x":1}.x|{true:1}|{in:1}|{null:1}|{a:1}.in|{a:1}.true|{b:{c:[1]}}.b.c[0]
[1,2,]|[,]|[,1]|[1 2]|[[]]|[1,[2,[3]]]|[1,2][0]|[1,2][-1]|"x"[0]|'it"s'|"it's"|'a\\nb'|'unclosed|"|'''|'a''b'|'a' 'b'
1 in [1,2]|true in [1]|1.0 in [1]|'a' in 'abc'|1 in 'abc'|'' in ''|'a' in {a:1}|1 in {a:1}|1 in 5|null in [null]|[1] in [[1]]|{} in [{}]|'a' in null|len in [len]|x in [1]|1 in 2 in 3|'a' in ['a'] == true
min(1)|min()|min(1,2)|min(1,0.5)|max(1,1.0)|max(1.0,1)|max(1,'a')|min(true,1)|min([1,2])|abs(-5)|abs(-5.5)|abs('a')|abs(true)|abs()|abs(1,2)
sqrt(4)|sqrt(2)|sqrt(-1)|sqrt('4')|sqrt(0)|ceil(1.2)|ceil(-1.2)|ceil(5)|floor(1.8)|floor(-1.8)|floor(5)|ceil('1')|floor(true)|floor(10.0**20)|ceil(0.5**1000)
range(3)|range(0,3)|range(3,0)|range(3,0,-1)|range(0,10,3)|range(0,3,0)|range(0,3,true)|range(false,true)|range(0,3,false)|range(0.0,3)|range('a',3)|range(-2,2)|range(0,1,1,1)|range()
lowercase('ÀÉÎ ΑΣ')|uppercase('straße ﬁ')|lowercase(1)|uppercase('ŉ')|len('')|len([])|len({})|len(1)|len(null)|len()|str(1)|str(1.0)|str(true)|str(null)|str('a')|str([1])|str({})|str(len)|str()|str(1,2)
number('1')|number(' 1.5 ')|number('1e3')|number('1_000')|number('abc')|number('')|number(1)|number('0x10')|number('-.5')|number('5.')|number('1','2')|number()|number('+1')
strip(' a ')|lstrip(' a ')|rstrip(' a ')|strip('\u2003a\u001f')|strip(1)|join(['a','b'],',')|join([1,2.0,true,null],'-')|join([],',')|join(['a'],1)|join(['a','b'],1.5)|join(['a','b'],true)|join('ab',',')|join([[1,'a'],{b:null}],';')|join(["it's"],'')|join([["it's",'"']],'')|join([len],',')
split('a,b',',')|split('a,,b',',')|split('',',')|split('abc','')|split('','')|split('abc',0)|split('a1b',1)|split('a1.5b',1.5)|split('a1.0b',1.0)|split('abc')|split(1,',')|split('abc',null)|split('abc',true)|split(',a,',',')|split('héé','é')|split('aXXb','XX')|split('a','b','c')
typeof(1)|typeof(1.5)|typeof('a')|typeof(null)|typeof(true)|typeof([])|typeof({})|typeof(len)|typeof(slug)|typeof()|typeof(1,2)|defined('s')|defined('nope')|defined('len')|defined('now')|defined(1)|defined()|defined('s','l')
fromNow('')|fromNow('1 day')|fromNow('-1 day')|fromNow('1 day', '2020-02-28T00:00:00.0Z')|fromNow('1 day','')|fromNow('1 day', 'x')|fromNow(1)|fromNow()|fromNow('1d','2020-02-28T00:00:00.0Z','x')|fromNow('x')|fromNow('1d',null)
fromNow('1 year')|fromNow('1 yr')|fromNow('1y 2mo 3w 4d 5h 6m 7s')|fromNow('1 month')|fromNow('1 mo 2 months')|fromNow('2d1y')|fromNow(' + 5 min')|fromNow('- + 5 min')|fromNow('+-5 min')|fromNow('--5 min')|fromNow('5')|fromNow('5 d x')|fromNow('5D')|fromNow('1.5 d')|fromNow('10000 years')|fromNow('-3000 years')|fromNow('99999999999999999999999 s')|fromNow('1d\\n')|fromNow('5 s', '2020-02-30T00:00:00.0Z')|fromNow('0s','2020-1-2t3:4:5.1z')|fromNow('0s','2020-01-02T03:04:05Z')|fromNow('0s','2020-01-02T03:04:05.123+00:00')|fromNow('0s','2020-01-02T03:04:05.1234567Z')|fromNow('0s','2020-01- 2T03:04:05.1Z')|fromNow('0s','9999-12-31T23:59:59.999999Z')|fromNow('1s','9999-12-31T23:59:59.0Z')|fromNow('-1s','0001-01-01T00:00:00.0Z')|fromNow('0s','0001-01-01T00:00:00.0Z')|fromNow('0s','2020-01-02T03:04:60.0Z')|fromNow('0s','2020-01-02T24:04:05.0Z')
slug('decision')|slug()|slug(1,2)|slug|slug.x|slug[0]|[slug][0]('a')|{f:slug}.f('b')|s('a')|5(1)|null()|'a'()|len|now|now[0:4]|len(now)
1 +|1 + + 1|1 1|1 ~ 2|a = b|$x|x.|x..y|x.1|x.'a'|#|&|a & b|a | b|a ? b : c|%|1 % 2|@|\\|`|;|\u00a01\u2003+\u001f1|(((1)))|((1)|1)|f(|f(1|f(,)|f(1,)|f(1 2)|.a|*3|in|true|false|null|truex|nullx|inx|_a|a_1|A|1a|1.|1.a|.5|01|1.05|007
unknown|unknown.a|unknown()|x + y|event.commits == event.commits|event == event|s + s + s|l + l|'a' in s + 'z'|1 + 2 * 3 - 4 / 2|1 < 2 == true|1 == 1 < 2|1 == 1 == true|2 * 3 ** 2|(1,2)|1,2|a:b
""".replace("\\u2003", "\u2003").replace("\\u001f", "\u001f").replace("\\u00a0", "\u00a0")

# what we refuse, because JSON has no such numbers
BEYOND = ["(-8)**0.5", "number('1e400')", "number('nan')", "10.0**308*10", "2**127", "10**40", "floor(10.0**39)"]

CONTEXT = {"event": EVENT, "l": [10, 20, 30, 40], "s": "hello!", "u": "añ日本😀", "x": {"b": 1}, "a": {"b": {}}}

TEMPLATES = [
    None, True, 1, 1.0, -0.0, 1e16, 1e-5, "", [], {}, "$", "${", "$${", "$$${x}", "}", "${'}'}", "${1}${2}", "a${s}b${l[0]}c",
    "${null}", "${true}", "${1.0}", "${10**20}", "${[1]}", "${ {} }", "${len}", "${s", "${s}}", "${}", "${ }", "${s} ${", "${{a:1}.a}",
    "$$${s}", "$$$${s}", "${s}$${s}", "${s}$$${s}", "$${unclosed", "${s}${unknown}${(}", "${'${s}'}", "${s}$", "$s", "${\"}\"}", "${s + }", "${true || }",
    {"$$eval": "1"}, {"$$": 1}, {"$": 1}, {"$a": 1}, {"$a b": 1}, {"$1": 1}, {"${s}": 1}, {"$${s}": 1}, {"a${l}": 1}, {"$a\n": 1}, {"$$$eval": 1},
    {"a${1}": 1, "a1": 2, "b": 3}, {"z": 1, "a": 2}, {"a": {"$if": "false", "then": 1}, "b": 2}, [{"$if": "false", "then": 1}, 2],
    {"$eval": 1}, {"$eval": ["a"]}, {"$eval": ""}, {"$eval": " "}, {"$eval": "1", "x": 1}, {"$eval": "1", "$if": "true"}, {"$eval\n": "1"}, {"$eval": "1", "$evalx": 2}, {"$eval": "1", "$eval\n": 2},
    {"$if": "true"}, {"$if": "false"}, {"$if": "true", "then": 1}, {"$if": "true", "else": 1}, {"$if": "[]", "then": 1, "else": 2},
    {"$if": "'a'", "then": {"$eval": "("}, "else": 2}, {"$if": "false", "then": {"$eval": "("}, "else": 2}, {"$if": "false", "then": "${(", "else": {"$if": 1}},
    {"$if": 1, "then": 1}, {"$if": None, "then": 1}, {"$if": "true", "then": 1, "thenx": 2}, {"$if": "true", "then": 1, "elsex": 2}, {"$if": "true", "then": 1, "else\n": 2}, {"$if": "true", "then": 1, "$ifx": 2}, {"$if": "("}, {"$if": "unknown", "then": 1},
    {"$if": "true", "then": {"$if": "false", "then": 1}}, {"a": [{"$if": "true", "then": {"$if": "false", "then": 1}}, 3]},
    {"$json": {"b": 1, "a": [1.0, None, True, "é\u007f\u0001\"\\/\n\t\r\b\f", 1e16, 1e-7, 10]}}, {"$json": {"$eval": "len"}}, {"$json": {"$if": "false", "then": 1}}, {"$json": {"$eval": "event"}}, {"$json": "x", "y": 1}, {"$json": {"é": 1, "z": 2, "😀": 3, "\uffff": 4}},
    {"$let": {"v": 1}, "in": {"$eval": "v"}}, {"$let": {"v": 1}}, {"$let": {"1v": 1}, "in": 1}, {"$let": {"v\n": 1}, "in": 1}, {"$let": 1, "in": 1}, {"$let": {"$eval": "x"}, "in": "${b}"}, {"$let": {"$eval": "1"}, "in": 1}, {"$let": {"$if": "false", "then": {}}, "in": 1},
    {"$let": {"v": {"$if": "false", "then": 1}}, "in": {"$eval": "defined('v')"}}, {"$let": {"a": 1, "b": "${a}"}, "in": "${b}"}, {"$let": {"now": "2020-01-01T00:00:00.000Z"}, "in": [{"$fromNow": "1 day"}, "${now}", {"$eval": "fromNow('1d')"}]}, {"$let": {"now": 5}, "in": {"$fromNow": "1 day"}}, {"$let": {"len": 1}, "in": "${len}"}, {"$let": {"v${1}": 1}, "in": "${v1}"}, {"$let": {"v": 1}, "in": "${v}", "inx": 2}, {"$let": {"v": 1}, "in": "${v}", "$letx": 2}, {"$let": {"f": {"$eval": "len"}}, "in": {"$eval": "f('ab')"}},
    {"$let": {"v": 1}, "in": {"$let": {"v": 2, "w": {"$eval": "v"}}, "in": ["${v}", "${w}"]}},
    {"$fromNow": "1 day"}, {"$fromNow": "1 day", "from": "2020-01-01T00:00:00.000Z"}, {"$fromNow": "1 day", "from": 5}, {"$fromNow": 1}, {"$fromNow": "x"}, {"$fromNow": "${l[0]} days"}, {"$fromNow": "1d", "from": {"$fromNow": "-1d"}}, {"$fromNow": "1d", "fromx": 1}, {"$fromNow": "1d", "from": {"$if": "false", "then": 1}}, {"$fromNow": {"$if": "false", "then": 1}}, {"$fromNow": "1d", "from": "${now}"},
    {"$map": [1, 2, 3], "each(v)": {"$eval": "v * 2"}}, {"$map": [1, 2], "each(v,i)": "${v}-${i}"}, {"$map": [1, 2], "each(v, i)": "${v}-${i}"}, {"$map": [1, 2], "each(v,v)": "${v}"}, {"$map": {"a": 1, "b": 2}, "each(v)": {"${v.key}x": "${v.val}"}}, {"$map": {"a": 1, "b": 2}, "each(v,k)": {"${k}x": "${v}"}}, {"$map": {"a": 1}, "each(v)": 1}, {"$map": {"a": 1, "b": 2}, "each(v)": {"$if": "v.val == 1", "then": {"x": 1}}}, {"$map": {"a": 1, "b": 2}, "each(v)": {"x": "${v.key}"}},
    {"$map": [1, 2, 3], "each(v)": {"$if": "v != 2", "then": "${v}"}}, {"$map": 1, "each(v)": 1}, {"$map": [], "each(v)": {"$eval": "("}}, {"$map": [1]}, {"$map": [1], "each(v)": 1, "each(w)": 2}, {"$map": [1], "each()": 1}, {"$map": [1], "each(v )": 1}, {"$map": [1], "each( v)": 1}, {"$map": [1], "each(v)\n": "x"}, {"$map": [1], "each(v)\n": "${v}"}, {"$map": [1], "each(v,\u2003w)": "${w}"}, {"$map": [1], "each(v)x": 1}, {"$map": [1], "each(v)": 1, "$mapx": 1}, {"$map": {"$eval": "event.commits"}, "each(c)": "${c.rev}"}, {"$map": [[1], [2]], "each(v)": {"$map": {"$eval": "v"}, "each(v)": "${v}"}}, {"$map": "ab", "each(v)": 1}, {"$map": [1, 2], "each(now)": "${now}"},
    {"$reduce": [1, 2, 3], "initial": 0, "each(a,v)": {"$eval": "a + v"}}, {"$reduce": [1, 2], "initial": "", "each(a,v,i)": "${a}${v}${i}"}, {"$reduce": [1], "initial": "${s}", "each(a,v)": "${a}"}, {"$reduce": [1], "initial": {"$eval": "s"}, "each(a,v)": {"$eval": "a"}}, {"$reduce": [], "initial": {"$eval": "("}, "each(a,v)": 1}, {"$reduce": [1], "each(a,v)": 1}, {"$reduce": [1], "initial": 1, "each(a)": 1}, {"$reduce": [1], "initialx": 1, "each(a,v)": 1}, {"$reduce": 1, "initial": 1, "each(a,v)": 1}, {"$reduce": [1, 2, 3], "initial": 0, "each(a,v)": {"$if": "v != 2", "then": {"$eval": "a + v"}}}, {"$reduce": {"a": 1}, "initial": 1, "each(a,v)": 1}, {"$reduce": [1], "initial": 1, "each(a,v,i,j)": 1}, {"$reduce": [1], "initial": 0, "each(a,a)": "${a}"},
    {"$find": [1, 2, 3], "each(v)": "v > 1"}, {"$find": [1, 2], "each(v)": "v > 5"}, {"$find": [1, 2], "each(v,i)": "i == 1"}, {"$find": [1], "each(v)": 1}, {"$find": [1], "each(v)": {"$eval": "true"}}, {"$find": 1, "each(v)": "true"}, {"$find": [], "each(v)": 5}, {"$find": {"$eval": "t"}, "each(v)": "true"}, {"$find": {"$eval": "t"}, "each(v,i)": "i == 1"}, {"$find": {"$eval": "t"}, "each(v,i)": "i == 2"}, {"$find": {"$eval": "t"}, "each(v,i)": "i == 3"}, {"a": {"$find": [], "each(v)": "v"}}, {"$find": [1]}, {"$find": ["a"], "each(v)": "("}, {"$find": [], "each(v)": "("},
    {"$match": {"true": 1, "false": 2, "1": 3}}, {"$match": {"z == 1": 1}}, {"$match": {"s == 'hello!'": "b", "l[0] == 10": "a"}}, {"$match": {}}, {"$match": 1}, {"$match": {"true": {"$if": "false", "then": 1}}}, {"$match": {"(": 1}}, {"$match": {"$default": 1}}, {"$match": {"": 1}}, {"$match": {"true": 1}, "x": 1},
    {"$map": {"$match": {"true": {"$if": "false", "then": 1}, "1": 5}}, "each(v)": {"$eval": "v"}}, {"$let": {"v": {"$match": {"true": {"$if": "false", "then": 1}}}}, "in": {"$eval": "[len(v), typeof(v[0]), v[0] == v[0], !v[0]]"}}, {"$let": {"v": {"$match": {"true": {"$if": "false", "then": 1}}}}, "in": [{"$eval": "v[0]"}, 1]}, {"$reverse": {"$match": {"true": {"$if": "false", "then": 1}}}}, [{"$match": {"true": {"$if": "false", "then": 1}}}], {"$flatten": {"$match": {"true": {"$if": "false", "then": 1}}}},
    {"$switch": {"true": 1, "false": 2}}, {"$switch": {"true": 1, "1": 2}}, {"$switch": {"false": 1, "$default": 2}}, {"$switch": {"false": 1}}, {"$switch": {"true": 1, "$default": {"$eval": "("}}}, {"$switch": 1}, {"$switch": {"true": {"$if": "false", "then": 1}, "$default": 2}}, {"$switch": {}}, {"a": {"$switch": {}}}, {"$switch": {"true": {"$eval": "("}}}, {"$switch": {"(": 1}}, {"$switch": {"$default": "${s}"}},
    {"$merge": [{"a": 1, "b": 2}, {"c": 3, "a": 4}]}, {"$merge": [{"a": 1}, 5]}, {"$merge": {}}, {"$merge": []}, {"$merge": {"$eval": "event.commits"}}, {"$merge": [{"$if": "false", "then": {}}, {"a": 1}]}, {"$merge": [{"$eval": "len"}]},
    {"$mergeDeep": [{"a": {"x": 1, "l": [1]}}, {"a": {"y": 2, "l": [2]}, "b": 1}]}, {"$mergeDeep": []}, {"$mergeDeep": [{"a": 1}, {"a": {"b": 2}}, {"a": {"c": 3}}]}, {"$mergeDeep": [{"a": [1]}, {"a": {}}]}, {"$mergeDeep": [1]}, {"$mergeDeep": 1}, {"$mergeDeep": [{"a": None}, {"a": [1]}, {"a": [2]}]},
    {"$flatten": [1, [2, [3]], []]}, {"$flattenDeep": [1, [2, [3, [[4]]]], []]}, {"$flatten": 1}, {"$flattenDeep": {}}, {"$flatten": {"$eval": "l"}}, {"$flatten": [{"$if": "false", "then": 1}, [{"$if": "false", "then": 1}]]},
    {"$reverse": [1, 2, 3]}, {"$reverse": "abc"}, {"$reverse": {"$eval": "l"}}, {"$reverse": []},
    {"$sort": [3, 1, 2]}, {"$sort": ["b", "a", "é", "B"]}, {"$sort": [1, 1.5]}, {"$sort": [1.5, 0.5]}, {"$sort": [1.5, 1]}, {"$sort": [1, True, 0]}, {"$sort": [True, 0]}, {"$sort": []}, {"$sort": [None]}, {"$sort": [[1]]}, {"$sort": [{}]}, {"$sort": ["a", 1]}, {"$sort": 1}, {"$sort": {"$eval": "event.commits"}, "by(c)": "c.rev"}, {"$sort": {"$eval": "event.commits"}, "by(c)": "c.n"}, {"$sort": [{"a": 2}, {"a": 1}], "by(x)": "x.a"}, {"$sort": [{"a": 2, "i": 1}, {"a": 1, "i": 2}, {"a": 2, "i": 3}], "by(x)": "x.a"}, {"$sort": [1], "by(x)": 5}, {"$sort": [], "by(x)": 5}, {"$sort": [1, 2], "by(x)": "-x"}, {"$sort": [2, 1], "by(x)": "x", "by(y)": "y"}, {"$sort": [2, 1], "by( x)": "x"}, {"$sort": [1, 2], "by(x)": "(0-x)"}, {"$sort": ["\uffff", "😀"]},
    {"a": {"b": [{"c": "${unknown}"}]}}, {"a": {"b": [1, {"$eval": "unknown.x"}]}}, {"1a": "${unknown}"}, {"a": {"$if": "true", "then": {"b": "${unknown}"}}}, {"${s}": {"x": "${unknown}"}}, {"$map": [1, 2], "each(v)": {"k": {"$eval": "v.x"}}}, {"$match": {"true": {"k": "${unknown}"}}}, {"$let": {"v": "${unknown}"}, "in": 1},
    {"tasks": {"$let": {"head": {"$if": "event.yes", "then": "${event.ref[11:]}", "else": "x"}}, "in": [{"$if": "head == 'main'", "then": {"taskId": "${slug('decision')}", "created": {"$fromNow": ""}, "deadline": {"$fromNow": "1 day"}, "routes": {"$flatten": [["a.${head}"], {"$if": "event.none", "then": ["b"], "else": []}]}, "scopes": {"$map": {"$eval": "event.commits"}, "each(c)": "repo:${c.rev}:${c.n}"}}}]}},
]

ATOMS = ["0", "1", "2", "-1", "1.5", "2.0", "'a'", "''", '"b"', "true", "false", "null", "[]", "{}", "x", "y", "s", "l", "o", "o.k", "o.nope", "l[0]", "l[-1]", "l[1:]", "s[0]", "s[:2]", "[1, x]", "{k: x}", "f", "len", "now", "unknown", "n"]
BINARY = ["+", "-", "*", "/", "**", "<", ">", "<=", ">=", "==", "!=", "&&", "||", "in", " "]
CALLS = ["len", "str", "typeof", "abs", "min", "max", "floor", "ceil", "sqrt", "join", "split", "strip", "uppercase", "range", "number", "defined", "slug", "lowercase", "fromNow"]


def expression(r, depth):
    kind = r.random()
    if depth == 0 or kind < 0.3:
        return r.choice(ATOMS)
    sub = lambda: expression(r, depth - 1)
    if kind < 0.6:
        return f"{sub()} {r.choice(BINARY)} {sub()}"
    if kind < 0.68:
        return f"({sub()})"
    if kind < 0.73:
        return f"{r.choice('!-+')}{sub()}"
    if kind < 0.85:
        return f"{r.choice(CALLS)}({', '.join(sub() for _ in range(r.choice([0, 1, 1, 1, 2, 2, 3])))})"
    if kind < 0.9:
        return f"[{', '.join(sub() for _ in range(r.randrange(3)))}]"
    if kind < 0.93:
        return "{" + ", ".join(f"{r.choice(['k', 'b'])}: {sub()}" for _ in range(r.randrange(3))) + "}"
    if kind < 0.96:
        return f"{sub()}[{r.choice(['', sub()])}{r.choice(['', ':'])}{r.choice(['', sub()])}]"
    if kind < 0.98:
        return f"{sub()}.{r.choice(['k', 'b', 'in'])}"
    text = sub()
    cut = r.randrange(len(text) + 1)
    return text[:cut] + r.choice(["", ")", "(", "}", ",", "'", "$", " 1"]) + text[cut + 1 :]


def template(r, depth):
    sub = lambda: template(r, depth - 1)
    exp = lambda: expression(r, 2)
    if depth == 0 or r.random() < 0.25:
        return r.choice([exp, lambda: {"$eval": exp()}, lambda: "a${" + exp() + "}b", lambda: "${" + exp() + "}$${" + exp() + "}${" + exp() + "}", lambda: r.choice([0, 1, 2.5, True, None, "x", [], {}])])()
    each = r.choice(["each(v)", "each(v,i)", "each(x)", "each(a,v)", "each(a,v,i)"])
    body = {"k": "v", "x": 1}
    choice = [
        lambda: [sub() for _ in range(r.randrange(4))],
        lambda: {r.choice(["k", "b", "c", "a${x}", "${s}", "$$k", "k${n}"]): sub() for _ in range(r.randrange(4))},
        lambda: {"$if": exp(), "then": sub(), **({"else": sub()} if r.random() < 0.5 else {})},
        lambda: {"$let": {r.choice("xyv"): sub(), r.choice("sl"): sub()}, "in": sub()},
        lambda: {"$map": r.choice([sub(), {"$eval": "l"}, {"$eval": "o"}, [sub(), sub()]]), each: r.choice([sub, lambda: {"$eval": expression(r, 1).replace("x", "v")}, lambda: {"${x}": "${v}"}, lambda: {"k": sub()}])()},
        lambda: {"$reduce": r.choice([{"$eval": "l"}, [sub(), sub()]]), "initial": r.choice([0, "", sub()]), r.choice(["each(a,v)", "each(a,v,i)"]): r.choice([sub(), {"$eval": "a + v"}, "${a}${v}"])},
        lambda: {"$find": r.choice([{"$eval": "l"}, [sub(), sub()]]), r.choice(["each(v)", "each(v,i)"]): expression(r, 1)},
        lambda: {"$match": {exp(): sub() for _ in range(r.randrange(3))}},
        lambda: {"$switch": {**{exp(): sub() for _ in range(r.randrange(3))}, **({"$default": sub()} if r.random() < 0.5 else {})}},
        lambda: {r.choice(["$merge", "$mergeDeep"]): [r.choice([sub(), {"k": sub()}, {"$eval": "o"}]) for _ in range(r.randrange(4))]},
        lambda: {r.choice(["$flatten", "$flattenDeep", "$reverse"]): r.choice([sub(), [sub(), [sub()]], {"$eval": "l"}])},
        lambda: {"$sort": r.choice([sub(), [sub(), sub()], {"$eval": "l"}]), **({"by(v)": expression(r, 1)} if r.random() < 0.5 else {})},
        lambda: {"$json": sub()},
        lambda: {"$fromNow": r.choice(["1 day", "-2h", "${n} d", sub()]), **({"from": r.choice([sub(), "2020-01-01T00:00:00.5Z"])} if r.random() < 0.3 else {})},
        lambda: {"$eval": exp()},
    ]
    return r.choice(choice)()


def scalar(r):
    return r.choice([0, 1, -3, 2**40, 2.5, 1.0, "", "a", "hé", "a,b", True, False, None])


def context(r):
    return {
        "x": scalar(r),
        "y": scalar(r),
        "s": r.choice(["", "abc", "a,b,c", "日本"]),
        "l": r.choice([[], [1, 2, 3], ["b", "a"], [1, "a", None], [[1], [2, [3]]], [{"k": 2}, {"k": 1}], [2.5, 1.5]]),
        "o": r.choice([{}, {"k": 1}, {"k": {"b": [1]}}, {"k": "v", "b": None}]),
        "n": r.choice([0, 1, 5, 1.5]),
    }


def slug(*args):
    if len(args) != 1 or not isinstance(args[0], str):
        raise TypeError("slug")
    return "slug-" + args[0]


def to_str(value):
    """Refuses what prints differently in each run."""
    if callable(value):
        raise TypeError("text of a function")
    return jsone.shared.to_str(value)


class Frozen(datetime.datetime):
    """Has no clock, like us, but for the first look, whose answer our `now` replaces."""

    looks = 0

    @classmethod
    def now(cls, tz=None):
        cls.looks += 1
        if cls.looks > 1:
            raise TypeError("clock")
        return cls(2000, 1, 1)


def too_long(*_):
    raise TimeoutError


def plain(value):
    """Whether JSON can hold the value, and we can: integers of 128 bits, finite floats."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, complex):
        return False
    if isinstance(value, int):
        return -(2**127) <= value < 2**127
    if isinstance(value, list):
        return all(map(plain, value))
    if isinstance(value, dict):
        return all(map(plain, value.values()))
    return True


def case(template, names):
    out = {"template": template, "context": names}
    signal.setitimer(signal.ITIMER_REAL, 0.5)  # some powers of integers take forever
    Frozen.looks = 0
    try:
        result = jsone.render(template, {**json.loads(json.dumps(names)), "now": NOW, "slug": slug})
        if plain(result):
            # text, so that the difference between 1 and 1.0 and the order of members survive any reader
            out["result"] = json.dumps(result, ensure_ascii=False, separators=(",", ":"))
        else:
            out["error"] = "beyond our numbers"
    except jsone.JSONTemplateError as error:
        out["error"] = str(error)
    except Exception as error:
        out["error"] = type(error).__name__  # the reference let an error of Python escape
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return out


def main():
    seed, count = (int(arg) for arg in (sys.argv[1:] + ["1", "1200"][len(sys.argv) - 1 :]))
    render = sys.modules["jsone.render"]  # `jsone.render` is the function
    render.to_str = to_str
    jsone.builtins.str = lambda value: str(value) if not callable(value) else to_str(value)
    jsone.shared.datetime.datetime = Frozen
    signal.signal(signal.SIGALRM, too_long)
    names = {**CONTEXT, "t": ["${s}", {"k": "${v}", "$$e": 1}, {"$if": "false", "then": 1}, {"$bad": 1}]}
    cases = []
    for line in EXPRESSIONS.strip().split("\n"):
        # `|` parts expressions, `||` is the operator
        for text in line.replace("||", "\0").split("|"):
            text = text.replace("\0", "||")
            cases += [case({"$eval": text}, CONTEXT), case("<${" + text + "}>", CONTEXT)]
    for text in BEYOND:
        for form in ({"$eval": text}, "<${" + text + "}>"):
            cases.append({"template": form, "context": CONTEXT, "error": "beyond our numbers"})
    cases += [case(template, names) for template in TEMPLATES]
    for i in range(count):
        r = random.Random(seed * 1_000_003 + i)
        cases.append(case(template(r, r.randrange(4)), context(r)))
    unique = {json.dumps(c): c for c in cases}
    contexts = {}  # by text: True equals 1 otherwise
    for c in unique.values():
        c["context"] = contexts.setdefault(json.dumps(c["context"]), (len(contexts), c["context"]))[0]
    contexts = [names for _, names in contexts.values()]
    lines = lambda items: "[\n" + ",\n".join(json.dumps(i, ensure_ascii=False) for i in items) + "\n]"
    print('{"contexts": ' + lines(contexts) + ', "cases": ' + lines(unique.values()) + "}")


main()
