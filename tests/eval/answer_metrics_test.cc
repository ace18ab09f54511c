#include "t6/eval/answer_metrics.h"

#include <gmock/gmock.h>

#include <map>

#include "t6/core/error.h"
#include "t6/eval/chinese_words.h"
#include "t6/formats/json.h"
#include "tests/error_of.h"
#include "tests/source_dir.h"

namespace t6 {
namespace {

using ::testing::HasSubstr;

const std::shared_ptr<const ChineseWords>& chinese_words() {
  static const auto words = std::make_shared<const ChineseWords>(source_dir() / "tests/eval/data/chinese-words");
  return words;
}

double score(std::string_view metric, std::string_view written, const AnswerKey& key) {
  return answer_metric(metric).score(written, key);
}

// Made by make_answer_scores.py with the authors' own programs.
TEST(AnswerMetrics, AreThoseOfTheAuthors) {
  std::map<std::string, int> seen;
  for (const Json& row : read_json(source_dir() / "tests/eval/answer_scores.json")) {
    AnswerKey key{row["answers"], {}, chinese_words()};
    if (row.contains("classes")) key.classes = row["classes"].get<std::vector<std::string>>();
    const auto metric = row["metric"].get<std::string>();
    EXPECT_NEAR(score(metric, row["written"].get<std::string>(), key), row["score"].get<double>(), 1e-12) << row;
    ++seen[metric];
  }
  for (const AnswerMetric& metric : answer_metrics()) {
    EXPECT_GE(seen[std::string(metric.name)], metric.name == "first_word" ? 0 : 5) << metric.name;
  }
}

TEST(AnswerMetrics, TheFirstWordAlone) {
  EXPECT_EQ(score("first_word", " 7\n8", {{"7"}}), 1);
  EXPECT_EQ(score("first_word", "77", {{"7"}}), 0);
  EXPECT_EQ(score("first_word", "", {{"7"}}), 0);
  EXPECT_EQ(score("first_word", " \n", {{""}}), 0);
}

TEST(AnswerMetrics, LongAnswersEnd) {
  const std::string text(100'000, 'a'), lines(100'000, '\n');
  for (const AnswerMetric& metric : answer_metrics()) {
    const bool retrieval = metric.name.starts_with("retrieval");
    const AnswerKey key{
        {retrieval ? metric.name == "retrieval" ? "Paragraph 1" : "段落1" : lines + "x"}, {"x"}, chinese_words()};
    EXPECT_GE(metric.score(text, key), 0) << metric.name;
    EXPECT_LE(metric.score(lines, key), 1) << metric.name;
  }
}

TEST(AnswerMetrics, WhatCannotBeScoredIsAnError) {
  EXPECT_THAT(error_of([] { (void)answer_metric("bleu"); }), HasSubstr("exact_match, first_word, contains_all"));
  EXPECT_THAT(error_of([] { (void)score("f1_zh", "x", {{"x"}}); }), HasSubstr("Chinese"));
  EXPECT_THAT(error_of([] { (void)score("f1", "x", {}); }), HasSubstr("no right answer"));
  EXPECT_THAT(error_of([] { (void)score("contains_all", "x", {}); }), HasSubstr("no right answer"));
  EXPECT_THAT(error_of([] { (void)score("classification", "x", {{"y"}}); }), HasSubstr("all classes"));
  std::string dots;
  for (int i = 0; i < 40'000; ++i) dots += "x.";
  EXPECT_THAT(error_of([&] { (void)score("rouge_l", dots, {{dots}}); }), HasSubstr("too long for ROUGE-L"));
  EXPECT_THAT(error_of([] { (void)score("retrieval", "x", {{"7"}}); }), HasSubstr("\"Paragraph \" and a number"));
}

}  // namespace
}  // namespace t6
