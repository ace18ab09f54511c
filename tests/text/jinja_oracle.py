#!/usr/bin/env python3
"""Compares T6's chat templates with Python's jinja2 as transformers sets it up, character for character.

    jinja_oracle.py build/release/tests/t6_jinja [--templates FOLDER] [--cases 4000] [--seed 1]

Makes random small templates, over all filters, tests, methods and statements, and renders each with both programs. With a
folder, also renders every *.jinja in it with conversations of many kinds. Fails at outcomes that differ; errors have to be
errors in both. Needs jinja2.
"""
import argparse
import copy
import datetime
import itertools
import json
import pathlib
import random
import re
import subprocess
import sys
import warnings

import jinja2
import jinja2.ext
import jinja2.nodes
import jinja2.sandbox

NOW = 1_700_000_000


class Generation(jinja2.ext.Extension):
    """The tag {% generation %}: its body, as it is."""
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_body"), [], [], body).set_lineno(line)

    def _body(self, caller):
        return caller()


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def environment():
    made = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
    made.filters["tojson"] = tojson
    made.globals["raise_exception"] = raise_exception
    made.globals["strftime_now"] = lambda form: datetime.datetime.fromtimestamp(NOW).strftime(form)
    return made


# --- Random templates ---------------------------------------------------------------------------------------------------

VARIABLES = {
    "i": 7, "n": -3, "z": 0, "big": 12345678, "f": 2.5, "g": -0.75, "tiny": 1e-7, "huge": 1.5e300, "t": True, "o": None,
    "s": "Hello, World", "e": "", "u": "caf\xe9 \u4e2d\u6587 \U0001f600 \xdf", "w": "  pad\tded \n", "q": "it's \"q\" \\ <b>&",
    "num": "42", "real": "3.70", "lines": "one\ntwo\r\n\nthree", "l": [3, 1, 2], "ls": ["b", "A", "c", "a"], "le": [],
    "mix": [1, "a", None, 2.5, True, [1]], "d": {"b": 1, "a": "x", "C": [1, 2]}, "de": {},
    "ms": [{"role": "user", "content": "hi", "k": 2}, {"role": "tool", "content": "yo <&>", "k": 1},
           {"role": "user", "content": None, "k": 3}],
    "nest": {"x": {"y": [10, {"z": "deep"}]}, "items": 5}, "pairs": [["k", 1], ["v", 2]],
}
LITERALS = ["0", "1", "2", "-1", "3", "10", "1.5", "0.1", "1e3", "2.0", "''", "'a'", "'b'", "' '", "'o'", "'\\n'", "'%s-%s'",
            "'{} {}'", "'xyz'", "\"it's\"", "'\\u00e9'", "true", "false", "none", "[]", "[1, 2, 3]", "['a', 'b']", "(1, 2)",
            "{}", "{'a': 1, 'b': [2]}", "{1: 'x', none: 2}", "range(4)", "range(5, 0, -2)", "missing", "dict(a=1)"]
TEXT_METHODS = [
    "strip()", "strip('H d')", "lstrip()", "rstrip()", "rstrip('\\n')", "split()", "split('o')", "split(',', 1)", "split('')",
    "split(none, 1)", "split(sep=' ')", "rsplit('o', 1)", "rsplit()", "rsplit(none, 1)", "splitlines()", "splitlines(true)",
    "startswith('H')", "startswith(('x', 'H'))", "startswith('e', 1)", "endswith('d')", "endswith(('d', 'x'))", "upper()",
    "lower()", "title()", "capitalize()", "swapcase()", "casefold()", "replace('l', 'L')", "replace('l', 'L', 1)",
    "replace('', '-')", "find('o')", "find('o', 5)", "find('', 3, 2)", "rfind('o')", "index('o')", "rindex('zz')", "count('l')",
    "count('')", "join(ls)", "join(['a', 'b'])", "join('abc')", "join([1])", "format(1, 'a')", "format()", "isdigit()",
    "isalpha()", "isalnum()", "isspace()", "isupper()", "islower()", "istitle()", "isdecimal()", "isnumeric()", "isascii()",
    "isidentifier()", "isprintable()", "removeprefix('He')", "removesuffix('ld')", "zfill(8)", "center(20)", "center(15, '*')",
    "ljust(14, '.')", "rjust(14)", "partition(' ')", "rpartition('o')", "expandtabs(4)", "nothing", "nothing()",
    "find(1)", "strip(1)", "upper(1)", "encode", "format_map({'a': 1})"]
LIST_METHODS = ["index(1)", "index(99)", "count(1)", "copy()", "append(1)", "append", "pop()", "0", "1", "insert(0, 1)", "x"]
DICT_METHODS = ["get('a')", "get('zz')", "get('zz', 4)", "get([])", "items()", "keys()", "values()", "copy()", "update({})", "a",
                "items", "pop('a')", "x.y", "x.y.1.z", "zz", "zz.yy", "items()|list", "keys()|list"]
FILTERS = [
    "abs", "attr('upper')", "attr('a')", "batch(2)|list", "batch(2, 'x')|list", "capitalize", "center", "center(9)", "count",
    "default", "default('D')", "d('D', true)", "dictsort", "dictsort(true)", "dictsort(by='value')", "dictsort(false, 'key', true)",
    "escape", "e", "filesizeformat", "filesizeformat(true)", "first", "float", "float(1.5)", "forceescape", "format(1, 2)",
    "format('a', 'b')", "groupby('role')", "groupby('k')|list", "groupby('role')|map('first')|list", "indent", "indent(2, true)",
    "indent('>', blank=true)", "int", "int(5)", "int(0, 16)", "items", "items|list", "join", "join(', ')", "join('-', 'role')",
    "join(attribute='k')", "last", "length", "list", "lower", "map('upper')|list", "map('int')|list", "map(attribute='role')|list",
    "map(attribute='zz', default='D')|list", "map('default', 'D')|list", "map|list", "max", "max(attribute='k')", "min",
    "min(true)", "pprint", "reject('odd')|list", "reject|list", "reject('equalto', 'a')|list", "rejectattr('k', 'gt', 1)|list",
    "replace('a', 'b')", "replace('l', 'L', 1)", "reverse", "reverse|list", "round", "round(1)", "round(1, 'ceil')",
    "round(0, 'floor')", "round(-1)", "safe", "safe + '<'", "select|list", "select('even')|list", "select('string')|list",
    "select('in', ['a', 1])|list", "selectattr('role', 'equalto', 'user')|list", "selectattr('content')|list",
    "selectattr('content', 'none')|list", "slice(2)|list", "slice(3, 'x')|list", "sort", "sort(true)", "sort(case_sensitive=true)",
    "sort(attribute='k')", "sort(attribute='role,k')", "string", "striptags", "sum", "sum('k')", "sum(start=5)", "title", "trim",
    "trim('H')", "truncate(8)", "truncate(8, true)", "truncate(9, true, '..', 0)", "unique|list", "unique(true)|list",
    "unique(attribute='role')|list", "upper", "urlencode", "wordcount", "wordwrap(7)", "wordwrap(5, false)", "xmlattr",
    "xmlattr(false)", "tojson", "tojson(indent=2)", "tojson(sort_keys=true)", "tojson(ensure_ascii=true)",
    "tojson(separators=(',', ':'))", "tojson(indent=1, sort_keys=true)", "default(missing)", "trim(1, 2)", "upper(1)"]
TESTS = ["boolean", "callable", "defined", "divisibleby(3)", "divisibleby 2", "eq(1)", "equalto 'a'", "== 3", "escaped", "even",
         "false", "filter", "float", "ge 1", "gt(0)", "in [1, 'a']", "in(ls)", "integer", "iterable", "le 2", "lower", "lt 'b'",
         "mapping", "ne 1", "none", "number", "odd", "sameas true", "sequence", "string", "test", "true", "undefined", "upper",
         "not none", "not defined", "not equalto(7)", "greaterthan 2", "lessthan(9)"]
SMALL = ["0", "2", "-1", "0.5", "n", "z", "f", "t", "o", "s", "l", "missing"]
OPERATORS = ["+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"]


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, items):
        return self.random.choice(items)

    def atom(self):
        return self.pick(list(VARIABLES)) if self.random.random() < 0.6 else self.pick(LITERALS)

    def bound(self):
        return self.pick(["", "", "0", "1", "2", "-1", "-2", "5", "100", "-100", "none"])

    def subscript(self):
        kind = self.random.randrange(4)
        if kind == 0:
            return f"[{self.pick(['0', '1', '-1', '99', '-99', 'z', 'true', '1.0'])}]"
        if kind == 1:
            return f"[{self.bound()}:{self.bound()}]"
        if kind == 2:
            return f"[{self.bound()}:{self.bound()}:{self.pick(['', '1', '2', '-1', '-2', '0'])}]"
        return f"[{self.pick(['s', chr(39) + 'a' + chr(39), chr(39) + 'role' + chr(39), chr(39) + 'items' + chr(39), 'none', 'o', 'l'])}]"

    def expression(self, depth=2):
        if depth == 0:
            return self.atom()
        kind = self.random.randrange(13)
        inner = self.expression(depth - 1)
        if kind <= 2:
            return f"{inner}|{self.pick(FILTERS)}"
        if kind == 3:
            return f"{inner} is {self.pick(TESTS)}"
        if kind <= 5:
            return f"{self.wrapped(inner)}.{self.pick(self.pick([TEXT_METHODS, TEXT_METHODS, LIST_METHODS, DICT_METHODS]))}"
        if kind == 6:
            # Of constants: Jinja2 computes them beforehand by other rules, which find no error in (1)[2:].
            subscript = self.subscript()
            return (self.pick(list(VARIABLES)) if ":" in subscript else self.wrapped(inner)) + subscript
        if kind <= 8:
            operator = self.pick(OPERATORS)
            # Products and powers of large numbers would take Python long.
            small = operator in ("*", "**")
            if operator == "**":  # of a negative constant: Jinja2 writes -1 ** z into Python, which takes the sign last
                inner = self.pick(list(VARIABLES))
            return f"{inner} {operator} {self.pick(SMALL) if small else self.expression(depth - 1)}"
        if kind == 9:
            return f"{self.pick(['not ', '-', '+'])}{inner}"
        if kind == 10:
            other = f" else {self.expression(depth - 1)}" if self.random.random() < 0.7 else ""
            return f"({inner} if {self.expression(depth - 1)}{other})"
        if kind == 11:
            return self.pick(["[{}, {}]", "({}, {})", "{{'k': {}, 'j': {}}}", "({},)", "{} ~ {}", "{} < {} < 5"]).format(
                inner, self.expression(depth - 1))
        return f"({inner})"

    def wrapped(self, inner):
        return inner if re.fullmatch(r"\w+", inner) else f"({inner})"

    # Statements

    def name(self):
        return self.pick(["x", "y", "i", "s", "ns", "loop", "v"])

    def space(self):
        return self.pick(["", " ", "\n", "\n  ", "  \n", "a", " b ", "\t\n\n"])

    def tag(self, content):
        return "{%" + self.pick(["", "", "-", "+"]) + f" {content} " + self.pick(["", "", "-", "+"]) + "%}"

    def output(self):
        inner = self.pick([self.name(), self.name(), self.expression(1)])
        return "{{" + self.pick(["", "", "-"]) + f" {inner} " + self.pick(["", "", "-"]) + "}}"

    def loop_part(self):
        return "{{ loop." + self.pick(["index", "index0", "revindex", "revindex0", "first", "last", "length", "previtem", "nextitem",
                                       "depth", "depth0", "cycle('a', 'b')", "changed(x)", "cycle()", "zz"]) + " }}"

    def statement(self, depth):
        kind = self.random.randrange(17)
        tag, body = self.tag, lambda: self.body(depth - 1)
        if depth <= 0 or kind <= 2:
            return self.pick([self.output, self.output, self.loop_part])()
        if kind == 3:
            return tag(f"if {self.expression(1)}") + body() + self.pick(["", tag(f"elif {self.name()}") + body(),
                                                                      tag("else") + body()]) + tag("endif")
        if kind <= 6:
            target = self.pick(["x", "x", "y", "x, y", "(x, y)"])
            items = self.pick(["l", "ls", "ms", "pairs", "d", "d.items()", "range(3)", "e", "missing", "mix|select|list", "u", "x",
                               "l|map('string')", "nest.x.y", "dict(a=1).items()"])
            test = self.pick(["", "", "", " if x", " if loop", " if x != 1", " if x is string"])
            middle = self.pick(["", "", tag("break"), tag("continue"),
                                tag("if loop.first") + self.pick([tag("continue"), tag("break")]) + tag("endif")])
            other = tag("else") + body() if self.random.random() < 0.3 else ""
            return tag(f"for {target} in {items}{test}") + body() + middle + body() + other + tag("endfor")
        if kind <= 8:
            target = self.pick(["x", "y", "s", "ns.a", "x, y", "v"])
            value = self.pick([self.expression(1), "x", "(1, 2)", "namespace(a=1)", "[x, y]", "x ~ 1", *([] if "," in target else ["loop"])])
            return tag(f"set {target} = {value}")
        if kind == 9:
            return tag(f"set {self.pick(['x', 'y', 'ns.a'])}{self.pick(['', ' | upper', ' | trim'])}") + body() + tag("endset")
        if kind == 10:
            name = self.pick(["m", "m2", "x"])
            arguments = self.pick(["", "x", "x, y=1", "x=2, y=x", "caller=none", "x, x", "x=1, y"])
            inner = body() + self.pick(["", "{{ caller() }}", "{{ varargs }}{{ kwargs }}", "{{ x }}", "{{ m(1) if x else '' }}"])
            return tag(f"macro {name}({arguments})") + inner + tag("endmacro") + self.call(name)
        if kind == 11:
            return self.call(self.pick(["m", "m2", "range", "missing"]))
        if kind == 12:
            return tag(self.pick(["call m()", "call m(1, 2)", "call(x) m(1)", "call(y=3) m2(x=1)"])) + body() + tag("endcall")
        if kind == 13:
            return tag(f"filter {self.pick(['upper', 'trim', 'replace(x, y)', 'indent(2)|upper', 'length'])}") + body() + tag(
                "endfilter")
        if kind == 14:
            return tag(f"with {self.pick(['x=1', 'x=y, y=x', 'a=s', 'x, y=pairs[0]', ''])}") + body() + tag("endwith")
        if kind == 15:
            return self.pick([tag("generation") + body() + tag("endgeneration"), "{#" + self.pick(["", "-"]) + " c " + self.pick(
                ["", "-", "+"]) + "#}", tag("raw") + "{{ x }}{% if" + tag("endraw")])
        return tag("for x in [[1, [2]], [3]] recursive") + "{{ x if x is number else loop(x) }}" + self.loop_part() + tag("endfor")

    def call(self, name):
        arguments = self.pick(["", "1", "1, 2", "1, 2, 3", "x=5", "y=4, x=1", "*[1, 2]", "**{'x': 3}", "1, k=2", "caller=1"])
        return "{{ " + f"{name}({arguments})" + " }}"

    def body(self, depth):
        return "".join(self.space() + self.statement(depth) for _ in range(self.random.randint(0, 2))) + self.space()

    def template(self):
        if self.random.random() < 0.6:
            return "{{ " + self.expression(self.random.randint(1, 3)) + " }}"
        return "".join(self.space() + self.statement(3) for _ in range(self.random.randint(1, 4))) + self.space()


def systematic():
    """Each filter, test, method and operator with each kind of value."""
    atoms = [*VARIABLES, *LITERALS]
    for atom, name in itertools.product(atoms, FILTERS):
        yield "{{ (" + atom + ")|" + name + " }}"
    for atom, name in itertools.product(atoms, TESTS):
        yield "{{ (" + atom + ") is " + name + " }}"
    for atom, name in itertools.product(atoms, [*TEXT_METHODS, *LIST_METHODS, *DICT_METHODS]):
        yield "{{ (" + atom + ")." + name + " }}"
    for left, operator, right in itertools.product(atoms, OPERATORS, atoms):
        if (operator in ("*", "**") and "big" in (left, right)) or (operator == "**" and left == "-1"):
            continue
        yield "{{ " + f"{left} {operator} {right}" + " }}"


# --- Conversations ------------------------------------------------------------------------------------------------------

TOOL = {"type": "function", "function": {
    "name": "get_weather", "description": "The weather's state: \"now\" <or> later \u2600",
    "parameters": {"type": "object", "properties": {
        "city": {"type": "string", "description": "Where"},
        "days": {"type": "integer", "description": "How many", "default": 1},
        "unit": {"type": "string", "enum": ["C", "F"]},
        "tags": {"type": "array", "items": {"type": "string"}}}, "required": ["city"]},
    "return": {"type": "string", "description": "text"}}}


def call(arguments, identifier="call00001"):
    return {"type": "function", "id": identifier, "function": {"name": "get_weather", "arguments": arguments}}


def conversations():
    user, reply = {"role": "user", "content": " What's up? <b>\u4f60\u597d</b> \U0001f600\n"}, {"role": "assistant", "content": "All fine.\n"}
    system = {"role": "system", "content": "Be brief.\n\nAnd kind."}
    thought = {"role": "assistant", "content": "<think>\nhm\n</think>\n\nYes", "reasoning_content": "hm hm"}
    called = {"role": "assistant", "content": "", "tool_calls": [call({"city": "K\xf6ln", "days": 2, "tags": ["a", "b"]})]}
    called_text = {"role": "assistant", "content": None, "tool_calls": [call('{"city": "Paris"}'), call({"city": "Rom"}, "call00002")]}
    result = {"role": "tool", "name": "get_weather", "tool_call_id": "call00001", "content": "{\"sky\": \"blue\"}"}
    parts = {"role": "user", "content": [{"type": "text", "text": "Look:"}, {"type": "image", "image": "x.png"}]}
    yield [user]
    yield [system, user]
    yield [user, reply, user]
    yield [system, user, reply, user, reply]
    yield [user, thought, user]
    yield [system, parts]
    yield [user, called, result, reply, user]
    yield [system, user, called_text, result, {**result, "tool_call_id": "call00002"}, user]
    yield [user, called, result]
    yield [user, user]
    yield [reply]
    yield [{"role": "developer", "content": "d"}, user]
    yield [{"role": "strange", "content": "d"}]
    yield [{"role": "user"}]
    yield []


def chat_variables():
    extras = [{"add_generation_prompt": True}, {"add_generation_prompt": False},
              {"add_generation_prompt": True, "enable_thinking": False, "thinking": True, "reasoning_effort": "high"},
              {"add_generation_prompt": True, "enable_thinking": True, "documents": [{"title": "T", "text": "x"}],
               "date_string": "26 Jul 2024"}]
    for messages, tools, extra in itertools.product(conversations(), [None, [TOOL], [TOOL, TOOL]], extras):
        named = {"messages": messages, "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", **extra}
        yield {**named, "tools": tools, "documents": extra.get("documents")} if tools or "documents" in extra else named
        if extra["add_generation_prompt"] and tools:
            yield {**named, "tools": tools, "custom_tools": tools, "builtin_tools": ["x"], "xml_tools": tools}


# --- Comparison ---------------------------------------------------------------------------------------------------------

# What names places in memory, has more than 64 bits or is a complex number is out of the comparison.
UNCOMPARED = re.compile(r"0x[0-9a-f]{8,}|<class '|<built-in method|<Cycler|\d{19,}|\dj\)")


class Renderer:
    def __init__(self):
        self.environment = environment()
        self.templates = {}

    def __call__(self, source, variables):
        try:
            if source not in self.templates:
                self.templates.clear()
                self.templates[source] = self.environment.from_string(source)
            # A copy, since some filters change lists.
            text = self.templates[source].render(**copy.deepcopy(variables))
            text.encode()
            return {"text": text}
        except Exception as error:  # Python's errors are of any type
            return {"error": f"{type(error).__name__}: {error}"}


def compare(program, cases, shown=20):
    lines = "".join(json.dumps({"template": template, "variables": variables, "now": NOW}) + "\n"
                    for _, template, variables in cases)
    result = subprocess.run([program], input=lines.encode(), stdout=subprocess.PIPE, check=True)
    outcomes = [json.loads(line) for line in result.stdout.decode().split("\n")[:-1]]
    assert len(outcomes) == len(cases)
    render, counts = Renderer(), {"texts": 0, "errors": 0, "skipped": 0, "different": 0}
    for (name, template, variables), found in zip(cases, outcomes):
        wanted = render(template, variables)
        if UNCOMPARED.search(wanted.get("text", "")) or "64 bits" in found.get("error", ""):
            counts["skipped"] += 1
        elif "text" in wanted and wanted["text"] == found.get("text"):
            counts["texts"] += 1
        elif "error" in wanted and "error" in found:
            counts["errors"] += 1
        else:
            counts["different"] += 1
            if counts["different"] <= shown:
                print(f"{name}: {template[:600]!r}\n  wanted {str(wanted)[-1500:]}\n  found  {str(found)[-1500:]}")
    return counts


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--templates", type=pathlib.Path)
    parser.add_argument("--cases", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--all", action="store_true", help="also every filter, test, method and operator with every value")
    parser.add_argument("--shown", type=int, default=20)
    given = parser.parse_args()
    warnings.simplefilter("ignore", SyntaxWarning)
    maker = Maker(given.seed)
    groups = {"random": [("random", maker.template(), VARIABLES) for _ in range(given.cases)]}
    if given.all:
        groups["all"] = [("all", template, VARIABLES) for template in systematic()]
    if given.templates:
        files = sorted(given.templates.glob("*.jinja"))
        groups["templates"] = [(file.name, file.read_text(encoding="utf-8"), variables)
                               for file in files for variables in chat_variables()]
    different = 0
    for name, cases in groups.items():
        counts = compare(given.program, cases, given.shown)
        different += counts["different"]
        print(f"{name}: {counts}")
    sys.exit(1 if different else 0)


if __name__ == "__main__":
    main()
