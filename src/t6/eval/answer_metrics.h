// How good an answer is that a model wrote: LongBench's metrics, RULER's, and matches of whole answers.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace t6 {

class ChineseWords;

// What an answer is compared with. Texts are valid UTF-8.
struct AnswerKey {
  std::vector<std::string> answers = {};                // one or more; each is right, but for contains_all
  std::vector<std::string> classes = {};                // for classification: all that there are
  std::shared_ptr<const ChineseWords> words = nullptr;  // for metrics that compare Chinese words
};

struct AnswerMetric {
  std::string_view name;
  std::string_view words;  // what it measures, for people
  // From 0 to 1: the best of all right answers. Errors: a key without answers, or one that the metric cannot read.
  double (*score)(std::string_view written, const AnswerKey& key);
  bool needs_chinese_words = false;  // of the key
};

// LongBench's metrics give what its own programs give (with the packages rouge and, without Levenshtein's, fuzzywuzzy),
// but for answers whose sentences are so long that Python's stack ends (some 900 words); those score 0 there.
std::span<const AnswerMetric> answer_metrics();

// Error: no such metric, which names all.
const AnswerMetric& answer_metric(std::string_view name);

}  // namespace t6
