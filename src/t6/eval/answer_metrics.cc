#include "t6/eval/answer_metrics.h"

#include <algorithm>
#include <array>

#include "t6/core/error.h"
#include "t6/eval/metrics/metrics.h"
#include "t6/text/python_text.h"

namespace t6 {
namespace {

// The best of a score over all right answers.
template <typename Score>
double best(const AnswerKey& key, Score score) {
  require(!key.answers.empty(), "there is no right answer to compare with");
  double highest = 0;
  for (const std::string& answer : key.answers) highest = std::max(highest, static_cast<double>(score(answer)));
  return highest;
}

template <double (*score)(std::string_view, std::string_view)>
double best_of(std::string_view written, const AnswerKey& key) {
  return best(key, [&](std::string_view answer) { return score(written, answer); });
}

template <double (*score)(const ChineseWords&, std::string_view, std::string_view)>
double best_in_chinese(std::string_view written, const AnswerKey& key) {
  require(key.words != nullptr, "there is nothing that cuts Chinese into words");
  return best(key, [&](std::string_view answer) { return score(*key.words, written, answer); });
}

double exact_match(std::string_view written, std::string_view right) {
  return normalized_answer(written) == normalized_answer(right);
}

double first_word(std::string_view written, std::string_view right) {
  const std::vector<std::string_view> words = python_split(written);
  return !words.empty() && words[0] == right;
}

double choice(std::string_view written, std::string_view right) { return chosen_letter(written) == right; }

double retrieval(std::string_view written, std::string_view right) {
  return marked_number_share(written, right, "Paragraph ");
}

double retrieval_zh(std::string_view written, std::string_view right) {
  return marked_number_share(written, right, "段落");
}

constexpr auto kMetrics = std::to_array<AnswerMetric>({
    {"exact_match", "equal without case, punctuation and articles", best_of<exact_match>},
    {"first_word", "the first word is the answer", best_of<first_word>},
    {"contains_all", "the share of the answers that are written somewhere (RULER's string_match_all)",
     [](std::string_view written, const AnswerKey& key) {
       require(!key.answers.empty(), "there is no right answer to compare with");
       return share_contained(written, key.answers);
     }},
    {"contains_any", "one of the answers is written somewhere (RULER's string_match_part)",
     [](std::string_view written, const AnswerKey& key) {
       return best(key, [&](const std::string& answer) { return share_contained(written, {answer}); });
     }},
    {"f1", "F1 of words (LongBench's qa_f1_score)", best_of<token_f1>},
    {"rouge_l", "ROUGE-L (LongBench's rouge_score)", best_of<rouge_l>},
    {"f1_zh", "F1 of Chinese words (LongBench's qa_f1_zh_score)", best_in_chinese<chinese_f1>, true},
    {"rouge_l_zh", "ROUGE-L of Chinese words (LongBench's rouge_zh_score)", best_in_chinese<chinese_rouge_l>, true},
    {"classification", "one class is named, the right one (LongBench's classification_score)",
     [](std::string_view written, const AnswerKey& key) {
       require(!key.classes.empty(), "classification needs the names of all classes");
       return best(key, [&](std::string_view answer) { return classification(written, answer, key.classes); });
     }},
    {"count", "the share of the numbers written that are right (LongBench's count_score)", best_of<number_share>},
    {"retrieval", "the same of \"Paragraph N\" (LongBench's retrieval_score)", best_of<retrieval>},
    {"retrieval_zh", "the same in Chinese (LongBench's retrieval_zh_score)", best_of<retrieval_zh>},
    {"code_similarity", "how alike the first line of code is (LongBench's code_sim_score)", best_of<code_similarity>},
    {"choice", "\"The correct answer is (B)\" (LongBench v2)", best_of<choice>},
});

}  // namespace

std::span<const AnswerMetric> answer_metrics() { return kMetrics; }

const AnswerMetric& answer_metric(std::string_view name) {
  std::string names;
  for (const AnswerMetric& metric : kMetrics) {
    if (metric.name == name) return metric;
    names += fmt::format("{}{}", names.empty() ? "" : ", ", metric.name);
  }
  fail("there is no metric called \"{}\"; there are {}", name, names);
}

}  // namespace t6
