#include "t6/serve/api/answer_reader.h"

#include <gmock/gmock.h>

#include "t6/serve/api/answer_form.h"

namespace t6 {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Kind = AnswerPart::Kind;
using Parts = std::vector<AnswerPart>;

// Neighbours of one kind as one, calls apart.
void append(Parts& parts, const Parts& more) {
  for (const AnswerPart& part : more) {
    if (!parts.empty() && parts.back().kind == part.kind && part.kind != Kind::call) {
      parts.back().text += part.text;
    } else {
      parts.push_back(part);
    }
  }
}

Parts read(const AnswerForm& form, const std::vector<std::string_view>& pieces) {
  AnswerReader reader(form);
  Parts parts;
  for (const std::string_view piece : pieces) append(parts, reader.push(piece));
  append(parts, reader.finish());
  return parts;
}

// The parts of a text, which must be the same byte by byte and for every way to cut it into two or three pieces.
Parts parts_of(const AnswerForm& form, std::string_view text) {
  const Parts whole = read(form, {text});
  std::vector<std::string_view> bytes;
  for (size_t i = 0; i < text.size(); ++i) bytes.push_back(text.substr(i, 1));
  EXPECT_EQ(read(form, bytes), whole) << text;
  for (size_t i = 0; i <= text.size(); ++i) {
    for (size_t j = i; j <= text.size(); ++j) {
      EXPECT_EQ(read(form, {text.substr(0, i), text.substr(i, j - i), text.substr(j)}), whole) << text << i << ' ' << j;
    }
  }
  return whole;
}

AnswerPart text(const std::string& said) { return {Kind::text, said}; }
AnswerPart reasoning(const std::string& thought) { return {Kind::reasoning, thought}; }
AnswerPart call(const std::string& name, const std::string& arguments) { return {Kind::call, arguments, name}; }

constexpr AnswerForm kThinks = {.may_think = true};
constexpr AnswerForm kThinking = {.may_think = true, .thinking = true};
constexpr AnswerForm kHermes = {.calls = CallFormat::hermes};
constexpr AnswerForm kLlama = {.calls = CallFormat::llama};
constexpr AnswerForm kMistral = {.calls = CallFormat::mistral};

TEST(AnswerReader, LeavesTextAlone) {
  EXPECT_THAT(parts_of({}, " <think>a</think> <tool_call>{}\n"),
              ElementsAre(text(" <think>a</think> <tool_call>{}\n")));
  EXPECT_THAT(parts_of(kThinks, " a <think>b</think>"), ElementsAre(text(" a <think>b</think>")));
  EXPECT_THAT(parts_of(kHermes, "a < b <tool_cal"), ElementsAre(text("a < b <tool_cal")));
  EXPECT_THAT(parts_of(kHermes, " a \n"), ElementsAre(text(" a \n")));
  EXPECT_THAT(parts_of(kThinks, ""), IsEmpty());
  EXPECT_THAT(parts_of(kThinks, "<thin"), ElementsAre(text("<thin")));
}

TEST(AnswerReader, TellsReasoningFromWhatIsSaid) {
  EXPECT_THAT(parts_of(kThinks, "\n<think>\na\n b\n</think>\n\nc\n"), ElementsAre(reasoning("a\n b"), text("c\n")));
  EXPECT_THAT(parts_of(kThinking, "\na</think>b</think>"), ElementsAre(reasoning("a"), text("b</think>")));
  EXPECT_THAT(parts_of(kThinking, "a </thin> b"), ElementsAre(reasoning("a </thin> b")));
  EXPECT_THAT(parts_of(kThinking, "a </thi"), ElementsAre(reasoning("a </thi")));
  EXPECT_THAT(parts_of(kThinks, "<think></think>c"), ElementsAre(text("c")));
  EXPECT_THAT(parts_of(kThinks, "<think>\n\n</think>\n\n"), IsEmpty());
}

TEST(AnswerReader, NeverShowsTheBeginningOfATag) {
  AnswerReader reader(kThinks);
  EXPECT_THAT(reader.push("<thi"), IsEmpty());
  EXPECT_THAT(reader.push("nk>a <"), ElementsAre(reasoning("a")));
  EXPECT_THAT(reader.push("/think"), IsEmpty());
  EXPECT_THAT(reader.push(">"), IsEmpty());
  EXPECT_THAT(reader.push("b"), ElementsAre(text("b")));
}

TEST(AnswerReader, ReadsCallsWithinText) {
  EXPECT_THAT(parts_of(kHermes,
                       "Well.\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"b\": 1, \"a\": "
                       "\"</tool_call>\\\"\"}}\n</tool_call>\n<tool_call>{\"name\":\"g\"}</tool_call>\n"),
              ElementsAre(text("Well."), call("f", R"({"b":1,"a":"</tool_call>\""})"), call("g", "{}")));
  EXPECT_THAT(parts_of(kHermes, R"(<tool_call>{"name":"f","arguments":"{}"})"), ElementsAre(call("f", "{}")));
  EXPECT_THAT(parts_of(kHermes, "<tool_call>{\"name\": 1}</tool_call>a"),
              ElementsAre(text("<tool_call>{\"name\": 1}</tool_call>a")));
  EXPECT_THAT(parts_of(kHermes, "<tool_call>{\"name\": \"f\", \"arg"),
              ElementsAre(text("<tool_call>{\"name\": \"f\", \"arg")));
  const AnswerForm both = {.may_think = true, .calls = CallFormat::hermes};
  EXPECT_THAT(parts_of(both, "<think><tool_call></think>\n<tool_call>{\"name\":\"f\"}</tool_call>"),
              ElementsAre(reasoning("<tool_call>"), call("f", "{}")));
}

TEST(AnswerReader, ReadsAnswersThatAreCalls) {
  EXPECT_THAT(parts_of(kLlama, R"( {"name": "f", "parameters": {"a": "{"}}; {"name": "g", "parameters": {}})"),
              ElementsAre(call("f", R"({"a":"{"})"), call("g", "{}")));
  EXPECT_THAT(parts_of(kLlama, R"({"a": 1})"), ElementsAre(text(R"({"a": 1})")));
  EXPECT_THAT(parts_of(kLlama, "{\"name\": \"f\", \"para"), ElementsAre(text("{\"name\": \"f\", \"para")));
  EXPECT_THAT(parts_of(kLlama, "a {"), ElementsAre(text("a {")));
  const std::string calls = R"([{"name": "f", "arguments": {"a": [1]}}, {"name": "g", "arguments": {}}])";
  EXPECT_THAT(parts_of(kMistral, "[TOOL_CALLS]" + calls), ElementsAre(call("f", R"({"a":[1]})"), call("g", "{}")));
  EXPECT_THAT(parts_of(kMistral, " " + calls), ElementsAre(call("f", R"({"a":[1]})"), call("g", "{}")));
  EXPECT_THAT(parts_of(kMistral, "[1]"), ElementsAre(text("[1]")));
  EXPECT_THAT(parts_of(kMistral, "[TOOL_CALLS][1]"), ElementsAre(text("[TOOL_CALLS][1]")));
}

TEST(AnswerReader, BoundsTheDepthOfCalls) {
  const std::string deep = "<tool_call>{\"name\":\"f\",\"arguments\":" + std::string(100'000, '[');
  EXPECT_THAT(read(kHermes, {deep, "</tool_call>"}), ElementsAre(text(deep + "</tool_call>")));
}

TEST(CallFormat, IsWhatATemplateShows) {
  EXPECT_EQ(call_format("{{ '<tool_call>\\n' }}"), CallFormat::hermes);
  EXPECT_EQ(call_format("{{ '[TOOL_CALLS] [' }}"), CallFormat::mistral);
  EXPECT_EQ(call_format("{{ '<|python_tag|>' }}"), CallFormat::llama);
  EXPECT_EQ(call_format("{{ messages }}"), CallFormat::hermes);
}

}  // namespace
}  // namespace t6
