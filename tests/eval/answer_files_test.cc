#include "t6/eval/answer_files.h"

#include <gmock/gmock.h>

#include "t6/core/error.h"
#include "tests/error_of.h"
#include "tests/temporary_folder.h"

namespace t6 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(AnswerFiles, LinesAreRead) {
  const TemporaryFolder folder;
  const auto path = folder.write("mine.jsonl", R"({"context": "Q: 1? A:", "answer": "one"}

{"context": "c", "answer": ["x", "y"], "metric": "f1", "max_tokens": 9, "stop": ["\n"], "task": "t", "free": [{}]}
{"context": "c", "answer": 1, "choices": ["no", "yes"], "answer_prefix": "c"}
{"context": "c", "answer": "a", "answers": ["b", "c"]})");
  const auto documents = read_answer_file(path, 0);
  ASSERT_EQ(documents.size(), 4u);
  EXPECT_EQ(documents[0].name, path.string() + ":1");
  EXPECT_THAT(documents[0].groups, ElementsAre("mine"));
  EXPECT_EQ(documents[0].metric, "contains_any");
  EXPECT_EQ(documents[0].max_tokens, 64);
  EXPECT_EQ(documents[1].name, path.string() + ":3");
  EXPECT_THAT(documents[1].key.answers, ElementsAre("x", "y"));
  EXPECT_THAT(documents[1].stop, ElementsAre("\n"));
  EXPECT_EQ(documents[1].max_tokens, 9);
  EXPECT_THAT(documents[2].key.answers, ElementsAre("yes"));
  EXPECT_EQ(documents[2].answer_prefix, "c");
  EXPECT_THAT(documents[3].key.answers, ElementsAre("b", "c"));
  EXPECT_EQ(read_answer_file(path, 2).size(), 2u);
}

TEST(AnswerFiles, DamageIsNamed) {
  const TemporaryFolder folder;
  const auto error = [&](const char* line) {
    const auto path = folder.write("bad.jsonl", std::string("{\"context\": \"c\", \"answer\": \"x\"}\n") + line);
    return error_of([&] { (void)read_answer_file(path, 0); });
  };
  EXPECT_THAT(error("{\"context\": "), HasSubstr("bad.jsonl:2"));
  EXPECT_THAT(error("[]"), HasSubstr("bad.jsonl:2"));
  EXPECT_THAT(error("\xff"), HasSubstr("bad.jsonl:2"));
  EXPECT_THAT(error(R"({"context": "c"})"), HasSubstr("answer"));
  EXPECT_THAT(error(R"({"answer": "c"})"), HasSubstr("context"));
  EXPECT_THAT(error(R"({"context": 3, "answer": "c"})"), HasSubstr("context"));
  EXPECT_THAT(error(R"({"context": "c", "answer": 1})"), HasSubstr("index of one of \"choices\""));
  EXPECT_THAT(error(R"({"context": "c", "answer": 2, "choices": ["a", "b"]})"), HasSubstr("answer"));
  EXPECT_THAT(error(R"({"context": "c", "answer": [1]})"), HasSubstr("list of texts"));
  EXPECT_THAT(error(R"({"context": "c", "answer": {}})"), HasSubstr("wanted is a text"));
  EXPECT_THAT(error(R"({"context": "c", "answer": "x", "max_tokens": 0})"), HasSubstr("max_tokens"));
  EXPECT_THAT(error(R"({"context": "c", "answer": "x", "max_tokens": 1e99})"), HasSubstr("max_tokens"));
  EXPECT_THAT(error(R"({"context": "c", "answer": "x", "answer_prefix": "d"})"), HasSubstr("does not end with"));
  EXPECT_THAT(error_of([&] { (void)read_answer_file(folder.write("empty.jsonl", " \n"), 0); }),
              HasSubstr("no documents"));
}

constexpr char kHotpot[] =
    R"({"input": "Who {context}?", "context": "Passage 1: {input}", "answers": ["Ann", "A"], "length": 5000,
        "dataset": "DATASET", "language": "en", "all_classes": null, "_id": "1"})";

std::string hotpot(const std::string& dataset) {
  std::string text = kHotpot;
  text.replace(text.find("DATASET"), 7, dataset);
  std::erase(text, '\n');
  return text + "\n";
}

TEST(LongBench, Version1IsAskedAsPublished) {
  const TemporaryFolder folder;
  const auto documents = read_longbench(folder.write("hotpotqa.jsonl", hotpot("hotpotqa")), longbench_prompts(), 0);
  ASSERT_EQ(documents.size(), 1u);
  EXPECT_EQ(
      documents[0].prompt,
      "Answer the question based on the given passages. Only give me the answer and do not output any other "
      "words.\n\nThe following are given passages.\nPassage 1: {input}\n\nAnswer the question based on the given "
      "passages. Only give me the answer and do not output any other words.\n\nQuestion: Who {context}?\nAnswer:");
  EXPECT_EQ(documents[0].metric, "f1");
  EXPECT_EQ(documents[0].max_tokens, 32);
  EXPECT_THAT(documents[0].key.answers, ElementsAre("Ann", "A"));
  EXPECT_THAT(documents[0].groups, ElementsAre("hotpotqa"));
  EXPECT_TRUE(documents[0].shortens);
  EXPECT_FALSE(documents[0].plain || documents[0].first_line || documents[0].ends_with_line);
}

TEST(LongBench, TheESetsAreAlsoGivenByLength) {
  const TemporaryFolder folder;
  const auto prompts = longbench_prompts();
  const auto by_name = read_longbench(folder.write("hotpotqa_e.jsonl", hotpot("hotpotqa")), prompts, 0);
  EXPECT_THAT(by_name[0].groups, ElementsAre("hotpotqa", "hotpotqa, 4-8k"));
  const auto by_field = read_longbench(folder.write("x.jsonl", hotpot("hotpotqa_e")), prompts, 0);
  EXPECT_THAT(by_field[0].groups, ElementsAre("hotpotqa", "hotpotqa, 4-8k"));
}

TEST(LongBench, SetsHaveTheirOwnWays) {
  const LongBenchPrompts prompts = longbench_prompts();
  EXPECT_EQ(prompts.size(), 22u);
  for (const auto& [name, prompt] : prompts) {
    const bool few_shot = name == "trec" || name == "triviaqa" || name == "samsum" || name == "lsht";
    EXPECT_EQ(prompt.first_line, few_shot) << name;
    EXPECT_EQ(prompt.plain, few_shot || name == "lcc" || name == "repobench-p") << name;
    EXPECT_EQ(prompt.ends_with_line, name == "samsum") << name;
    EXPECT_THAT(prompt.prompt, HasSubstr("{context}")) << name;
  }
  EXPECT_EQ(prompts.at("gov_report").max_tokens, 512);
}

TEST(LongBench, Version2IsAskedAsPublished) {
  const TemporaryFolder folder;
  const auto path = folder.write("data.json", R"([{"_id": "1", "domain": "d", "sub_domain": "s", "difficulty": "hard",
    "length": "long", "question": " Why? ", "choice_A": "a", "choice_B": "b\n", "choice_C": "c", "choice_D": "d", "answer": "C",
    "context": "\n text\n"}])");
  const auto documents = read_longbench(path, longbench_prompts(), 0);
  EXPECT_EQ(
      documents[0].prompt,
      "Please read the following text and answer the question below.\n\n<text>\ntext\n</text>\n\nWhat is the correct "
      "answer to this question: Why?\nChoices:\n(A) a\n(B) b\n(C) c\n(D) d\n\nFormat your response as follows: \"The "
      "correct answer is (insert answer here)\".");
  EXPECT_THAT(documents[0].groups, ElementsAre("longbench_v2", "longbench_v2, hard", "longbench_v2, long"));
  EXPECT_EQ(documents[0].metric, "choice");
}

TEST(LongBench, PromptsOfTheUserComeFirst) {
  const TemporaryFolder folder;
  const auto file =
      folder.write("prompts.json", R"({"hotpotqa": {"prompt": "{input} {_id}", "max_tokens": 3, "metric": "rouge_l",
    "first_line": true}, "own": {"prompt": "{context", "max_tokens": 3, "metric": "f1"}})");
  const LongBenchPrompts prompts = longbench_prompts(file);
  EXPECT_EQ(prompts.size(), 23u);
  const auto documents = read_longbench(folder.write("x.jsonl", hotpot("hotpotqa")), prompts, 0);
  EXPECT_EQ(documents[0].prompt, "Who {context}? 1");
  EXPECT_EQ(documents[0].metric, "rouge_l");
  EXPECT_TRUE(documents[0].first_line);
  const auto error = [&](const char* text) {
    return error_of([&] { (void)longbench_prompts(folder.write("bad.json", text)); });
  };
  EXPECT_THAT(error("[]"), HasSubstr("bad.json"));
  EXPECT_THAT(error(R"({"x": 3})"), HasSubstr("\"x\""));
  EXPECT_THAT(error(R"({"x": {"prompt": "", "max_tokens": 3}})"), HasSubstr("metric"));
  EXPECT_THAT(error(R"({"x": {"prompt": "", "max_tokens": 3, "metric": "f1", "stops": true}})"),
              HasSubstr("\"stops\""));
  EXPECT_THAT(error_of([&] { (void)read_longbench(folder.write("y.jsonl", hotpot("own")), prompts, 0); }),
              HasSubstr("nothing closes"));
}

TEST(LongBench, DamageIsNamed) {
  const TemporaryFolder folder;
  const auto error = [&](const std::string& text) {
    const auto path = folder.write("bad.jsonl", text);
    return error_of([&] { (void)read_longbench(path, longbench_prompts(), 0); });
  };
  EXPECT_THAT(error(hotpot("nonsense")), HasSubstr("bad.jsonl:1: there is no prompt for the data set \"nonsense\""));
  EXPECT_THAT(error(R"({"dataset": "hotpotqa", "context": "x", "answers": ["y"]})"), HasSubstr("input"));
  EXPECT_THAT(error(R"({"dataset": "hotpotqa", "context": "x", "input": "x", "answers": "y"})"),
              HasSubstr("list of texts"));
  EXPECT_THAT(error(R"({"context": "x"})"), HasSubstr("dataset"));
  EXPECT_THAT(error(R"([{"choice_A": "x", "context": "y"}])"), HasSubstr("bad.jsonl:1"));
  EXPECT_THAT(error("[3]"), HasSubstr("bad.jsonl:1"));
}

}  // namespace
}  // namespace t6
