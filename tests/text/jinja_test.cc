// Expected texts are what Python's jinja2 gives, set up as transformers does it; tests/text/jinja_oracle.py compares
// more.
#include "t6/text/jinja.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "t6/core/error.h"

namespace t6 {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string render(std::string_view source, const OrderedJson& variables = OrderedJson::object(),
                   const JinjaOptions& options = {}) {
  return JinjaTemplate(source).render(variables, options);
}

std::string render_json(std::string_view source, std::string_view variables) {
  return render(source, OrderedJson::parse(variables));
}

std::string render_error(std::string_view source, const OrderedJson& variables = OrderedJson::object(),
                         const JinjaOptions& options = {}) {
  try {
    return "no error: " + render(source, variables, options);
  } catch (const Error& error) {
    return error.what();
  }
}

OrderedJson conversation(bool prompt = true) {
  return {{"messages",
           {{{"role", "system"}, {"content", "Be brief."}},
            {{"role", "user"}, {"content", " Hi! "}},
            {{"role", "assistant"}, {"content", "Hello."}},
            {{"role", "user"}, {"content", "Bye"}}}},
          {"bos_token", "<s>"},
          {"eos_token", "</s>"},
          {"add_generation_prompt", prompt}};
}

TEST(Jinja, RendersTemplatesInTheShapeOfChatMl) {
  const std::string source =
      "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + "
      "'\n' "
      "}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
  EXPECT_EQ(render(source, conversation()),
            "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n Hi! <|im_end|>\n<|im_start|>assistant\n"
            "Hello.<|im_end|>\n<|im_start|>user\nBye<|im_end|>\n<|im_start|>assistant\n");
}

TEST(Jinja, RendersTemplatesInTheShapeOfLlama2) {
  const std::string source = R"({%- if messages[0].role == 'system' %}
    {%- set system = '<<SYS>>\n' ~ messages[0].content ~ '\n<</SYS>>\n\n' %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system = '' %}
{%- endif %}
{%- for message in messages %}
    {%- if (message.role == 'user') != (loop.index0 % 2 == 0) %}
        {{- raise_exception('Roles must alternate: ' + message.role) }}
    {%- endif %}
    {%- if message.role == 'user' %}
        {{- bos_token ~ '[INST] ' ~ (system if loop.first else '') ~ message.content | trim ~ ' [/INST]' }}
    {%- else %}
        {{- ' ' ~ message.content ~ ' ' ~ eos_token }}
    {%- endif %}
{%- endfor %}
)";
  EXPECT_EQ(render(source, conversation()),
            "<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nHi! [/INST] Hello. </s><s>[INST] Bye [/INST]");
  OrderedJson wrong = conversation();
  wrong["messages"].push_back({{"role", "user"}, {"content", "again"}});
  EXPECT_EQ(render_error(source, wrong), "Roles must alternate: user");
}

TEST(Jinja, RendersToolsAndTheirCalls) {
  const std::string source = R"({%- for tool in tools %}

{{ tool | tojson }}
{%- endfor %}
{%- for call in calls %}
    {%- set call = call.function %}

<call name={{ call.name }}>{% for key, value in call.arguments.items() %}{{ key }}={{ value | string }};{% endfor %}</call>
{%- endfor %})";
  EXPECT_EQ(render_json(source, R"({"tools": [{"name": "f", "b": {"z": 1, "a": "é\n<"}}],
                                    "calls": [{"function": {"name": "f", "arguments": {"x": 1.0, "y": [true, null]}}}]})"),
            "\n{\"name\": \"f\", \"b\": {\"z\": 1, \"a\": \"é\\n<\"}}\n<call name=f>x=1.0;y=[True, None];</call>");
}

TEST(Jinja, TakesWhiteSpaceAwayAsAsked) {
  EXPECT_EQ(render("a\n  {% if true %}\n  b\n  {% endif %}\nc\n"), "a\n  b\nc");
  EXPECT_EQ(render("a\n  {%+ if true %}\nb{% endif %}"), "a\n  b");
  EXPECT_EQ(render("a {%- if true -%} b {%- endif +%}\nc"), "ab\nc");
  EXPECT_EQ(render("a {{- ' b ' -}} \n c"), "a b c");
  EXPECT_EQ(render("{# gone #}\na{#- also -#}\n b\n"), "ab");
  EXPECT_EQ(render("a\r\nb\rc\r\n"), "a\nb\nc");
  EXPECT_EQ(render("{% raw %}{{ x }} {% if %}{% endraw %}\n!"), "{{ x }} {% if %}!");
}

TEST(Jinja, KeepsWhatALoopSetsInsideTheLoop) {
  EXPECT_EQ(render("{% set x = 0 %}{% for i in [1, 2] %}{{ x }}{% set x = i %}{{ x }}{% endfor %}{{ x }}"), "01020");
  EXPECT_EQ(render("{% set n = namespace(x=0) %}{% for i in [1, 2] %}{% set n.x = n.x + i %}{% endfor %}{{ n.x }}"),
            "3");
  EXPECT_EQ(render("{% if true %}{% set x = 1 %}{% endif %}{{ x }}"), "1");
  EXPECT_EQ(render("{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}{{ a }}"), "3");
  // What the template sets anywhere is its own from the beginning, so that loops above do not see the variable.
  EXPECT_EQ(render("{% for i in [1] %}{{ x }}{% endfor %}{% set x = 2 %}{{ x }}", {{"x", 1}}), "2");
  EXPECT_EQ(render("{{ x }}{% set x = 2 %}{{ x }}", {{"x", 1}}), "12");
}

TEST(Jinja, KnowsWhereALoopIs) {
  EXPECT_EQ(render("{% for c in 'abc' %}{{ loop.index }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}"
                   "{{ loop.previtem }}{{ loop.nextitem }}{{ loop.cycle('x', 'y') }} {% endfor %}"),
            "12TrueFalsebx 21FalseFalseacy 30FalseTruebx ");
  EXPECT_EQ(render("{% for i in [1, 1, 2] %}{{ loop.changed(i) }}{{ loop.length }}{% endfor %}"), "True3False3True3");
  EXPECT_EQ(render("{% for i in range(9) if i % 2 %}{{ i }}/{{ loop.length }} {% else %}none{% endfor %}"),
            "1/4 3/4 5/4 7/4 ");
  EXPECT_EQ(render("{% for i in range(9) %}{% if i == 1 %}{% continue %}{% elif i == 3 %}{% break %}{% endif %}{{ i }}"
                   "{% endfor %}"),
            "02");
  EXPECT_EQ(render("{% for i in [] %}{% else %}none{% endfor %}"), "none");
  EXPECT_EQ(
      render("{% for x in [[1, [2]], 3] recursive %}{{ loop(x) if x is iterable else x ~ loop.depth }} {% endfor %}"),
      "12 23   31 ");
}

TEST(Jinja, BindsTheParametersOfMacros) {
  const std::string macro = "{% macro m(a, b='B') %}{{ a }}{{ b }}{{ varargs }}{{ kwargs }};{% endmacro %}";
  EXPECT_EQ(render(macro + "{{ m(1) }}{{ m(1, 2, 3) }}{{ m(b=4, c=5) }}"), "1B(){};12(3,){};4(){'c': 5};");
  EXPECT_EQ(render("{% macro m(n) %}{{ n }}{% if n %}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(3) }}"), "3210");
  EXPECT_EQ(
      render("{% macro m() %}<{{ caller(2) }}>{% endmacro %}{% call(x) m() %}{{ x + y }}{% endcall %}", {{"y", 1}}),
      "<3>");
  EXPECT_EQ(render("{% macro m() %}{{ x }}{% endmacro %}{% set x = 1 %}{{ m() }}"), "1");
  EXPECT_THAT(render_error("{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}"), HasSubstr("not more than 1 argument"));
  EXPECT_THAT(render_error("{% macro m(a=1, b) %}{% endmacro %}"), StartsWith("template line 1: "));
}

TEST(Jinja, HasBlocksOfTextAsValues) {
  EXPECT_EQ(render("{% set x | upper %}a{{ 1 }}b{% endset %}[{{ x }}]"), "[A1B]");
  EXPECT_EQ(render("{% filter replace('a', 'o') | upper %}banana{% endfilter %}"), "BONONO");
}

TEST(Jinja, FollowsThePrecedenceOfOperators) {
  EXPECT_EQ(render("{{ 1 + 2 * 3 ** 2 - 7 // 2 }} {{ -2 ** 2 }} {{ 2 ** 3 ** 2 }} {{ 7 % 3 ~ 'a' ~ 1 * 2 }}"),
            "16 4 64 1a2")
      << "a chain of ** is read from the left";
  EXPECT_EQ(render("{{ not 1 == 2 and 3 in [3] or false }} {{ 1 < 2 < 3 != 4 }} {{ 'a' not in 'abc' }}"),
            "True True False");
  EXPECT_EQ(render("{{ 1 if false }}{{ 2 if false else 3 if false else 4 }}"), "4");
  EXPECT_EQ(render("{{ -3 | abs }} {{ 5 is odd and not 4 is odd }} {{ ('x' is string) is defined }}"), "3 True True");
  EXPECT_EQ(render("{{ none or 'x' }}{{ 0 and 1 }}{{ [] or {} }}"), "x0{}");
}

TEST(Jinja, CalculatesAsPython) {
  EXPECT_EQ(render("{{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 6 / 2 }} {{ 7.5 // 2 }} {{ -7.5 % 2 }}"),
            "-4 2 3.5 3.0 3.0 0.5");
  EXPECT_EQ(render("{{ 'ab' * 2 }} {{ [1] + [2] }} {{ 'a' 'b' }} {{ '%s is %05.1f' % ('x', 2) }}"),
            "abab [1, 2] ab x is 002.0");
  EXPECT_EQ(render("{{ 1e16 }} {{ 1e15 }} {{ 0.0001 }} {{ 0.00001 }} {{ 0.1 + 0.2 }} {{ 2 == 2.0 }} {{ true + 1 }}"),
            "1e+16 1000000000000000.0 0.0001 1e-05 0.30000000000000004 True 2");
  EXPECT_THAT(render_error("{{ 1 / 0 }}"), HasSubstr("division by zero"));
  EXPECT_THAT(render_error("{{ 1 < 'a' }}"), HasSubstr("no order between a 'int' and a 'str'"));
  EXPECT_THAT(render_error("{{ 9223372036854775807 + 1 }}"), HasSubstr("64 bits"));
}

TEST(Jinja, PrintsValuesAsPython) {
  EXPECT_EQ(render(R"({{ ['a\n', "it's", '\\', 'é', '\x00', true, none, 1.0, (1,), {'k': []}] }})"),
            R"(['a\n', "it's", '\\', 'é', '\x00', True, None, 1.0, (1,), {'k': []}])");
  EXPECT_EQ(render("{{ {'a': 1}.items() }}{{ range(3) }}{{ x }}{{ [x] }}"),
            "dict_items([('a', 1)])range(0, 3)[Undefined]");
}

TEST(Jinja, CountsCodePoints) {
  EXPECT_EQ(render("{{ s | length }} {{ s[1] }} {{ s[::-1] }} {{ s[-2:] }} {{ s.find('😀') }} {{ s.upper() }}",
                   {{"s", "aß中😀"}}),
            "4 ß 😀中ßa 中😀 3 ASS中😀");
  EXPECT_EQ(render("{{ 'abcdef'[1:5:2] }} {{ 'abcdef'[-1:0:-2] }} {{ [1, 2, 3][5:] }} {{ 'abc'[9] }}"), "bd fdb [] ");
}

TEST(Jinja, LooksUpAttributesAndItems) {
  const OrderedJson variables = {{"d", {{"items", 1}, {"x", {{"y", {5, 6}}}}}}};
  EXPECT_EQ(render("{{ d['items'] }} {{ d.x.y.1 }} {{ d.x['y'][0] }} {{ d.zz }} {{ d.items() | length }}", variables),
            "1 6 5  2");
  EXPECT_EQ(render_error("{{ d.zz.y }}", variables), "template line 1: 'dict object' has no attribute 'zz'");
  EXPECT_EQ(render_error("\n{{ 1 +\n q.x }}"), "template line 3: 'q' is undefined");
  EXPECT_EQ(render("{{ q }}{{ q is defined }}{% for x in q %}{% endfor %}{{ q | default('D') }}"), "FalseD");
}

TEST(Jinja, RefusesToChangeValues) {
  EXPECT_THAT(render_error("{{ [].append(1) }}"), HasSubstr("access to attribute 'append' of 'list' object is unsafe"));
  EXPECT_THAT(render_error("{% set d = {} %}{{ d.update({}) }}"), HasSubstr("is unsafe"));
  EXPECT_EQ(render("{{ [].append }}{{ ''.__class__ }}"), "");
  EXPECT_THAT(render_error("{% set d = {} %}{% set d.x = 1 %}"), HasSubstr("non-namespace"));
}

TEST(Jinja, HasTheMethodsOfStrings) {
  EXPECT_EQ(
      render("{{ ' a b '.strip() }}|{{ 'xxaxx'.lstrip('x') }}|{{ 'a,b,c'.split(',', 1) }}|{{ ' a  b '.split() }}"),
      "a b|axx|['a', 'b,c']|['a', 'b']");
  EXPECT_EQ(render("{{ 'a-b-c'.rsplit('-', 1) }}|{{ 'a\\nb'.splitlines() }}|{{ 'abc'.startswith(('x', 'a')) }}"),
            "['a-b', 'c']|['a', 'b']|True");
  EXPECT_EQ(
      render(
          "{{ '{} {x!r:>4} {y[1]}'.format([1, 2], x='s', y=[3, 4]) }}|{{ '-'.join(['a', 'b']) }}|{{ '7'.zfill(3) }}"),
      "[1, 2]  's' 4|a-b|007");
  EXPECT_EQ(render("{{ 'it'.title() }}{{ 'x'.isdigit() }}{{ 'abcabc'.count('bc') }}{{ 'pre-x'.removeprefix('pre-') }}"),
            "ItFalse2x");
}

TEST(Jinja, HasFilters) {
  const OrderedJson variables = {{"ms", {{{"r", "u"}, {"k", 2}}, {{"r", "t"}, {"k", 1}}, {{"r", "u"}, {"k", 3}}}}};
  EXPECT_EQ(render("{{ ms | selectattr('r', 'equalto', 'u') | map(attribute='k') | list }}", variables), "[2, 3]");
  EXPECT_EQ(render("{{ ms | sort(attribute='k', reverse=true) | map(attribute='k') | join(',') }}", variables),
            "3,2,1");
  EXPECT_EQ(render("{% for key, group in ms | groupby('r') %}{{ key }}{{ group | length }}{% endfor %}", variables),
            "t1u2");
  EXPECT_EQ(render("{{ ms | rejectattr('k', 'gt', 1) | first | tojson }}{{ ms | sum('k') }}", variables),
            "{\"r\": \"t\", \"k\": 1}6");
  EXPECT_EQ(render("{{ {'b': 1, 'a': [2]} | tojson(indent=2) }}"), "{\n  \"b\": 1,\n  \"a\": [\n    2\n  ]\n}");
  EXPECT_EQ(render("{{ {'b': 1, 'a': 2} | dictsort }}{{ [3, 1] | max }}{{ 'a b' | title }}{{ '3.7' | int }}"),
            "[('a', 2), ('b', 1)]3A B3");
  EXPECT_EQ(
      render("{{ 2.5 | round }} {{ 2.675 | round(2) }} {{ 'x\ny' | indent(2) }} {{ [1, 2, 3] | batch(2) | list }}"),
      "2.0 2.67 x\n  y [[1, 2], [3]]");
  EXPECT_EQ(render("{{ ('a<' | e) + '<' }} {{ '<b>x</b> &amp; y' | striptags }} {{ ['a', 'A'] | unique | list }}"),
            "a&lt;&lt; x & y ['a']");
  EXPECT_THAT(render_error("{{ 1 | nothing }}"), HasSubstr("no filter named 'nothing'"));
  EXPECT_EQ(render("{% if false %}{{ 1 | nothing }}{% endif %}"), "") << "guarded by a condition";
  EXPECT_THAT(render_error("{{ q | tojson }}"), HasSubstr("not JSON serializable"));
}

TEST(Jinja, EvaluatesLateWhatFiltersSelect) {
  EXPECT_EQ(render("{% set g = [1, 2] | map('string') %}{{ g | list }}{{ g | list }}"), "['1', '2'][]");
  EXPECT_EQ(render("{% set g = [1] | map('nothing') %}ok"), "ok");
}

TEST(Jinja, MarksWhatIsGenerated) {
  const JinjaTemplate parsed("é{% generation %}{{ x }}!{% endgeneration %} {% generation %}b{% endgeneration %}");
  const JinjaOutput output = parsed.render_marked({{"x", "ü"}});
  EXPECT_EQ(output.text, "éü! b");
  EXPECT_THAT(output.generated, testing::ElementsAre(JinjaRange{1, 3}, JinjaRange{4, 5}));
}

TEST(Jinja, TellsTheTime) {
  JinjaOptions options;
  options.clock = [] { return std::time_t{1'700'000'000}; };
  EXPECT_EQ(render("{{ strftime_now('%d %b %Y') }}{{ strftime_now('%-d|%%|%z') }}", OrderedJson::object(), options),
            "14 Nov 202314|%|");
}

TEST(Jinja, NamesTheLineOfAnError) {
  EXPECT_THAT(render_error("a\n{% if %}"), StartsWith("template line 2: expected an expression"));
  EXPECT_THAT(render_error("\n\n{{ 'x }}"), StartsWith("template line 3: a string without an end"));
  EXPECT_THAT(render_error("{% for x in y %}\n"), StartsWith("template line 1: expected 'endfor'"));
  EXPECT_THAT(render_error("{% macro m() %}\n{{ 1 + 'a' }}{% endmacro %}\n\n{{ m() }}"),
              StartsWith("template line 2: "));
  EXPECT_THAT(render_error("{% break %}"), HasSubstr("outside of a loop"));
  EXPECT_THAT(render_error("{% unknown %}"), HasSubstr("expected a known tag, found 'unknown'"));
  EXPECT_EQ(render_error("\n{{ raise_exception('No ' ~ 1) }}"), "No 1");
}

std::string times(std::string_view text, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += text;
  return out;
}

TEST(Jinja, BoundsNesting) {
  EXPECT_THAT(render_error("{{ " + times("(", 5000) + "1" + times(")", 5000) + " }}"), HasSubstr("nested deeper"));
  EXPECT_THAT(render_error("{{ 1" + times(" + 1", 5000) + " }}"), HasSubstr("nested deeper"));
  EXPECT_THAT(render_error("{{ " + times("not ", 5000) + "1 }}"), HasSubstr("nested deeper"));
  EXPECT_THAT(render_error(times("{% if 1 %}", 5000) + times("{% endif %}", 5000)), HasSubstr("nested deeper"));
  EXPECT_THAT(render_error("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"),
              HasSubstr("nests deeper than 900 levels"));
  EXPECT_THAT(render_error("{% set n = namespace(l=[]) %}{% for i in range(999) %}{% set n.l = [n.l] %}{% endfor %}"),
              HasSubstr("nested deeper"));
  EXPECT_THAT(render_error("{% set n = namespace() %}{% set n.n = n %}{{ n }}"), HasSubstr("nests deeper"));
  EXPECT_THAT(render_error("{% set n = namespace(g=[1]) %}{% for i in range(9999) %}{% set n.g = n.g | map('abs') %}"
                           "{% endfor %}{{ n.g | list }}"),
              HasSubstr("nests deeper"));
  OrderedJson deep = 1;
  for (int i = 0; i < 200; ++i) deep = OrderedJson::array({deep});
  EXPECT_THAT(render_error("", {{"x", deep}}), HasSubstr("nested deeper"));
}

TEST(Jinja, BoundsWorkAndMemory) {
  EXPECT_THAT(render_error("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"),
              HasSubstr("more than 10000000 steps"));
  EXPECT_THAT(render_error("{{ range(100001) }}"), HasSubstr("a range of more than 100000 items"));
  EXPECT_THAT(render_error("{{ 'a' * 999999999999 }}"), HasSubstr("a text of more than"));
  EXPECT_THAT(render_error("{{ '%999999999d' % 1 }}{{ '{:>999999999}'.format(1) }}"), HasSubstr("a text of more than"));
  EXPECT_THAT(
      render_error("{% set n = namespace(s='ab') %}{% for i in range(99) %}{% set n.s = n.s ~ n.s %}{% endfor %}"),
      HasSubstr("a text of more than"));
  EXPECT_THAT(
      render_error("{% set n = namespace(l=[1]) %}{% for i in range(99) %}{% set n.l = n.l + n.l %}{% endfor %}"),
      HasSubstr("steps"));
  EXPECT_THAT(
      render_error("{% set n = namespace(l=[1]) %}{% for i in range(150) %}{% set n.l = [n.l, n.l] %}{% endfor %}"
                   "{{ n.l == [n.l[0], n.l[1]] }}{{ n.l }}"),
      HasSubstr("steps"));
  OrderedJson many;
  for (int i = 0; i < 2000; ++i) many[std::to_string(i)] = i;
  EXPECT_THAT(render_error("{{ dict(**many) }}", {{"many", many}}), HasSubstr("more than 1000 named arguments"));
  JinjaOptions small;
  small.limits.text_bytes = 10;
  EXPECT_EQ(render("0123456789", OrderedJson::object(), small), "0123456789");
  EXPECT_THAT(render_error("0123456789!", OrderedJson::object(), small), HasSubstr("more than 10 bytes"));
}

TEST(Jinja, TakesBytesThatAreNotUtf8) { EXPECT_EQ(render("\xff{{ x }}", {{"x", "a\x80"}}), "\uFFFDa\uFFFD"); }

TEST(Jinja, RendersInSeveralThreads) {
  const JinjaTemplate parsed("{% for m in messages %}{{ m.role }}{{ loop.index }}{% endfor %}");
  std::vector<std::string> outcomes(4);
  std::vector<std::thread> threads;
  for (std::string& outcome : outcomes) threads.emplace_back([&] { outcome = parsed.render(conversation()); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(outcomes, testing::Each("system1user2assistant3user4"));
}

}  // namespace
}  // namespace t6
