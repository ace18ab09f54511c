#include "t6/grammar/grammar.h"

#include <gmock/gmock.h>

#include <chrono>
#include <thread>

#include "t6/text/utf8.h"
#include "tests/error_of.h"
#include "tests/grammar/constrained_text.h"
#include "tests/grammar/regex.h"

namespace t6 {
namespace {

using ::testing::HasSubstr;

class GrammarTest : public ::testing::Test {
 protected:
  GrammarCompiler bytes_{*byte_tokenizer(), 257};
  GrammarCompiler words_{*small_tokenizer(), 200};  // rows beyond the tokenizer, as models have
  Random random_{5};
};

TEST_F(GrammarTest, RegularExpressions) {
  for (const char* expression : {"a",
                                 "[0-9]{3}-[0-9]{4}",
                                 "(ab|ba)*aa",
                                 "\\d+\\.\\d{0,2}",
                                 "^(yes|no)$",
                                 "^a$|^b$",
                                 "x?y*z+",
                                 "[^a-z]{2,5}",
                                 "(?:foo|ba[rz]){2}",
                                 ".{1,6}",
                                 "\\w+@\\w+\\.(com|org)",
                                 "[\\s\\S]{0,3}",
                                 "\\S{4}",
                                 "a|",
                                 "(|a){3}",
                                 "(a*)*b",
                                 "\\{\\}\\(\\)\\[\\]\\.\\*\\+\\?\\|\\^\\$",
                                 "[\\]\\-a]+",
                                 "a{0}b",
                                 "\\x41\\u0042"}) {
    const auto grammar = words_.compile_regex(expression);
    const std::regex wanted(expression);
    for (int i = 0; i < 40; ++i) {
      const auto text = constrained_text(*small_tokenizer(), *grammar, random_);
      ASSERT_TRUE(text) << expression;
      if (std::ranges::any_of(*text, [](char c) { return c < 0; })) continue;  // std::regex counts bytes
      EXPECT_TRUE(std::regex_match(*text, wanted)) << expression << " : " << *text;
    }
  }
}

TEST_F(GrammarTest, RegularExpressionsAllowAllThatMatches) {
  const auto grammar = bytes_.compile_regex("(ab|ba)*\\d{2,3}.");
  for (const char* text : {"12x", "abba123\xc3\xa9", "ba00\t"}) EXPECT_TRUE(allows(*grammar, text)) << text;
  for (const char* text : {"", "1x", "ab12", "1234x\n", "12\n", "ab12xx", "12\xc3"}) {
    EXPECT_FALSE(allows(*grammar, text)) << text;
  }
}

TEST_F(GrammarTest, RegularExpressionsThatCannotBeEnforced) {
  const std::pair<const char*, const char*> rows[] = {{"(?=a)b", "lookahead"},
                                                      {"(?!a)b", "lookahead"},
                                                      {"(?<=a)b", "lookbehind"},
                                                      {"(?<!a)b", "lookbehind"},
                                                      {"(a)\\1", "escape '\\1'"},
                                                      {"\\bword\\b", "escape '\\b'"},
                                                      {"\\p{L}+", "escape '\\p'"},
                                                      {"(?i)a", "group '(?i'"},
                                                      {"a++", "possessive"},
                                                      {"a^b", "anchor '^'"},
                                                      {"a$b", "anchor '$'"},
                                                      {"(a$)", "anchor '$'"},
                                                      {"[[:alpha:]]", "[:...:]"},
                                                      {"(a", "'(' is not closed"},
                                                      {"a)", "closes no group"},
                                                      {"[a", "'[' is not closed"},
                                                      {"a\\", "ends with a backslash"},
                                                      {"a{2000}", "more than 1000 times"},
                                                      {"(a{50}){50}", "more than 1000 times"},
                                                      {"a{1000000000000}", "more than 1000 times"},
                                                      {"([^x]{100}){10}[^x]{100}", "too long to compile"},
                                                      {"{x", "begins no repetition"},
                                                      {"*", ""},
                                                      {"a**", ""},
                                                      {"[]", ""},
                                                      {"\xff", "not UTF-8"},
                                                      {"\\", "ends with a backslash"},
                                                      {"\\k<name>", "escape '\\k'"}};
  for (const auto& [expression, message] : rows) {
    EXPECT_THAT(error_of([&] { bytes_.compile_regex(expression); }),
                testing::AllOf(HasSubstr(message), HasSubstr("the regular expression")))
        << expression;
  }
}

TEST_F(GrammarTest, Ebnf) {
  const auto grammar = bytes_.compile_ebnf(R"x(
    root ::= sum  # a comment with ( and "
    sum ::= term ("+" term)*
    term ::= [0-9]{1,2} | "(" sum ")" | "\"" [^"\\]* "\"")x");
  for (const char* text : {"1", "12+3", "((1)+2)+\"x(\"", "(\"\")"}) EXPECT_TRUE(allows(*grammar, text)) << text;
  for (const char* text : {"", "123", "(1", "1+", "1+(2))"}) EXPECT_FALSE(allows(*grammar, text)) << text;
  EXPECT_TRUE(allows(*bytes_.compile_ebnf("root ::= root \"a\" | \"b\""), "baaa"));  // left recursion
}

TEST_F(GrammarTest, EbnfThatCannotBeEnforced) {
  const std::pair<std::string, const char*> rows[] = {
      {"", ""},
      {"root ::= missing", "missing"},
      {"start ::= \"a\"", "root"},
      {"root ::= \"a", "is not closed"},
      {"root ::= (\"a\"", "'(' is not closed"},
      {"root ::= root", "no text fits"},
      {"root ::= Token(1)", "'Token' is not supported"},
      {"root ::= TagDispatch((\"a\", root))", "'TagDispatch' is not supported"},
      {"root ::= Regex(\"a\")", "'Regex' is not supported"},
      {"root ::= \"a\"{1000000}", "more than 1000 times"},
      {"root ::= " + std::string(60'000, '('), "nested more than 64 deep"},
      {"root ::= " + std::string(60'000, '(') + "\"a\"" + std::string(60'000, ')'), "nested more than 64 deep"},
  };
  for (const auto& [rules, message] : rows) {
    EXPECT_THAT(error_of([&] { bytes_.compile_ebnf(rules); }),
                testing::AllOf(HasSubstr(message), HasSubstr("the grammar")))
        << rules.substr(0, 50);
  }
  std::string many;
  for (int i = 0; i < 3000; ++i) many += fmt::format("r{} ::= r{}\n", i, i + 1);
  EXPECT_THAT(error_of([&] { bytes_.compile_ebnf(many); }), HasSubstr("more than 2000 rules"));
}

TEST_F(GrammarTest, Choices) {
  const std::vector<std::string> choices = {"yes", "yes\n\"no\"", "\\ \t", "caf\xc3\xa9", "y", "{}"};
  const auto grammar = bytes_.compile_choice(choices);
  for (const std::string& choice : choices) EXPECT_TRUE(allows(*grammar, choice)) << choice;
  for (const char* text : {"", "ye", "yes\n", "no", "caf"}) EXPECT_FALSE(allows(*grammar, text)) << text;
  EXPECT_THAT(error_of([&] { bytes_.compile_choice({}); }), HasSubstr("is empty"));
  EXPECT_THAT(error_of([&] { bytes_.compile_choice(std::vector<std::string>{""}); }), HasSubstr("must not be empty"));
  EXPECT_THAT(error_of([&] { bytes_.compile_choice(std::vector<std::string>{"\xff"}); }), HasSubstr("not UTF-8"));
  EXPECT_THAT(error_of([&] { bytes_.compile_choice(std::vector<std::string>(5001, "a")); }), HasSubstr("at most 5000"));
}

ToolCalls weather_and_time() {
  return {.tags = {{"<tool_call>{\"name\": \"weather\", \"arguments\": ",
                    R"({"type": "object", "properties": {"city": {"enum": ["Rome", "Oslo"]}}, "required": ["city"]})",
                    "}</tool_call>"},
                   {"<tool_call>{\"name\": \"time\", \"arguments\": ", R"({"type": "object", "properties": {}})",
                    "}</tool_call>"}},
          .triggers = {"<tool_call>"}};
}

const std::string kWeather = R"(<tool_call>{"name": "weather", "arguments": {"city": "Oslo"}}</tool_call>)";
const std::string kTime = R"(<tool_call>{"name": "time", "arguments": {}}</tool_call>)";

TEST_F(GrammarTest, CallsOfTools) {
  ToolCalls calls = weather_and_time();
  const auto free = bytes_.compile_tool_calls(calls);
  for (const std::string& text :
       {std::string(), std::string("Hello <tool>"), kWeather, "I will look. " + kTime + "\n" + kWeather + " Done."}) {
    EXPECT_TRUE(allows(*free, text)) << text;
  }
  for (const std::string& text :
       {std::string("<tool_call>"), "x" + kTime.substr(0, 40), std::string("<tool_call>{\"name\": \"other\"")}) {
    EXPECT_FALSE(allows(*free, text)) << text;
  }
  calls.many = false;
  const auto first = bytes_.compile_tool_calls(calls);
  EXPECT_TRUE(allows(*first, "Hm. " + kTime));
  EXPECT_FALSE(allows(*first, kTime + kTime));
  calls.text = false;
  const auto one = bytes_.compile_tool_calls(calls);
  EXPECT_TRUE(allows(*one, kWeather));
  EXPECT_FALSE(allows(*one, ""));
  EXPECT_FALSE(allows(*one, "Hm. " + kWeather));
  EXPECT_FALSE(allows(*one, kWeather + kTime));
  calls.many = true;
  const auto some = bytes_.compile_tool_calls(calls);
  EXPECT_TRUE(allows(*some, kWeather + kTime));
  EXPECT_FALSE(allows(*some, ""));
}

TEST_F(GrammarTest, CallsOfToolsAfterThoughts) {
  ToolCalls calls = weather_and_time();
  calls.text = false;
  calls.preamble_end = "</think>";
  const auto grammar = bytes_.compile_tool_calls(calls);
  EXPECT_TRUE(allows(*grammar, "Rome or Oslo? <tool_call> may be. </think>" + kWeather));
  EXPECT_FALSE(allows(*grammar, "Rome or Oslo?</think>"));
  EXPECT_FALSE(allows(*grammar, "Rome or Oslo?" + kWeather));
}

TEST_F(GrammarTest, CallsOfToolsThatCannotBeEnforced) {
  const auto refused = [&](auto&& change) {
    ToolCalls calls = weather_and_time();
    change(calls);
    return error_of([&] { bytes_.compile_tool_calls(calls); });
  };
  EXPECT_THAT(refused([](ToolCalls& calls) { calls.tags.clear(); }), HasSubstr("no calls are given"));
  EXPECT_THAT(refused([](ToolCalls& calls) { calls.tags[0].end = ""; }), HasSubstr("begins and ends with"));
  EXPECT_THAT(refused([](ToolCalls& calls) { calls.triggers = {"<f>"}; }), HasSubstr("exactly one of the triggers"));
  EXPECT_THAT(refused([](ToolCalls& calls) { calls.triggers = {""}; }), HasSubstr("trigger must not be empty"));
  EXPECT_THAT(refused([](ToolCalls& calls) { calls.tags[1].schema = R"({"not": {}})"; }),
              testing::AllOf(HasSubstr("'not' is not supported"), HasSubstr("time")));
  EXPECT_THAT(refused([](ToolCalls& calls) { calls.tags[1].end = "\xff"; }), HasSubstr("not UTF-8"));
}

TEST_F(GrammarTest, SpecialTokensNeverCome) {
  const auto constraint = words_.compile_regex("[\\s\\S]*")->constraint();
  std::vector<uint32_t> mask(mask_words(200));
  constraint->allow(mask);
  const auto end = *small_tokenizer()->id_of("<|end|>");
  EXPECT_FALSE(in_mask(mask, end));
  EXPECT_TRUE(in_mask(mask, *small_tokenizer()->id_of("ab")));
  for (int32_t id = end; id < 224; ++id) EXPECT_FALSE(in_mask(mask, id));
  EXPECT_TRUE(constraint->may_end());
  EXPECT_THAT(error_of([&] { constraint->accept(end); }), HasSubstr("does not allow token"));
  EXPECT_THAT(error_of([&] { constraint->allow(std::span(mask).first(3)); }), HasSubstr("mask of 3 words"));
}

// The mask is what accept() says of each token, also where tokens cross what the grammar tells apart.
TEST_F(GrammarTest, MasksAreWhatIsAccepted) {
  for (const char* expression : {"(ab|ba)*aa\"?", "\"[^\"]*\",?", "(a|b)*a(a|b){12}", "[\\s\\S]{0,200}", "a{0,300}b"}) {
    const auto grammar = words_.compile_regex(expression);
    std::vector<int32_t> written;
    std::vector<uint32_t> mask(mask_words(200));
    for (int step = 0; step < 30; ++step) {
      const auto at = [&] {
        auto constraint = grammar->constraint();
        for (const int32_t id : written) constraint->accept(id);
        return constraint;
      };
      at()->allow(mask);
      std::vector<int32_t> allowed;
      for (int32_t id = 0; id < 200; ++id) {
        const bool accepted = error_of([&] { at()->accept(id); }) == "no error";
        ASSERT_EQ(accepted, in_mask(mask, id)) << expression << " token " << id << " after " << step;
        if (accepted) allowed.push_back(id);
      }
      if (allowed.empty()) break;
      written.push_back(allowed[random_.below(allowed.size())]);
    }
  }
}

TEST_F(GrammarTest, CacheIsBounded) {
  GrammarCompiler small(*byte_tokenizer(), 257, {.cache_bytes = 200'000});
  const auto first = small.compile_regex("a[0-9]{40}");
  EXPECT_EQ(small.compile_regex("a[0-9]{40}"), first);
  for (int i = 0; i < 300; ++i) {
    (void)small.compile_regex(fmt::format("a[0-9]{{40}}{}", i));
    EXPECT_LE(small.cached_bytes(), 200'000);
  }
  EXPECT_GT(small.cached_bytes(), 50'000);
  EXPECT_NE(small.compile_regex("a[0-9]{40}"), first);
  GrammarCompiler none(*byte_tokenizer(), 257, {.cache_bytes = 0});
  EXPECT_TRUE(allows(*none.compile_regex("ab"), "ab"));
  EXPECT_EQ(none.cached_bytes(), 0);
}

TEST_F(GrammarTest, CompilesOnManyThreads) {
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 20; ++i) {
        const auto grammar = bytes_.compile_regex(fmt::format("a{{{}}}", 1 + i % 5));
        EXPECT_TRUE(allows(*grammar, std::string(static_cast<size_t>(1 + i % 5), 'a')));
        EXPECT_THAT(error_of([&] { bytes_.compile_regex(fmt::format("a^{}", thread)); }), HasSubstr("anchor"));
        EXPECT_THAT(error_of([&] { bytes_.compile_json_schema(R"({"not": {}})"); }), HasSubstr("'not'"));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(GrammarCompiler, VocabularyHoldsTheTokenizer) {
  EXPECT_THAT(error_of([] { GrammarCompiler(*byte_tokenizer(), 256); }), HasSubstr("smaller than the tokenizer's"));
}

}  // namespace
}  // namespace t6
