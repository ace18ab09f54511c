// A question about one paragraph among many others.
#include <algorithm>

#include "t6/core/error.h"
#include "t6/tasks/make/haystack.h"
#include "t6/tasks/make/makers.h"
#include "t6/tasks/make/vocabulary.h"

namespace t6 {
namespace {

// The beginning of `text` with at most `words` words, which are taken off `words`.
std::string first_words(std::string_view text, int64_t& words) {
  size_t end = 0;
  while (words > 0) {
    const size_t begin = text.find_first_not_of(kWhiteSpace, end);
    if (begin >= text.size()) break;
    end = std::min(text.find_first_of(kWhiteSpace, begin), text.size());
    --words;
  }
  return std::string(text.substr(0, end));
}

// Paragraphs other than the question's: of the same article first, as RULER has it, then others, each in random order.
std::vector<size_t> distractors(const QuestionSet& set, size_t right, Random& random) {
  std::vector<size_t> near, far;
  for (size_t i = 0; i < set.paragraphs.size(); ++i) {
    if (i != right) (set.article[i] == set.article[right] ? near : far).push_back(i);
  }
  shuffle(near, random);
  shuffle(far, random);
  near.insert(near.end(), far.begin(), far.end());
  return near;
}

}  // namespace

TaskDocument make_question(const TaskSettings& settings, int64_t index, Random random, int64_t size) {
  const QuestionSet& set = *settings.questions;
  require(index < std::ssize(set.questions), "qa: the file has {} questions, and number {} was asked for",
          set.questions.size(), index + 1);
  std::vector<size_t> order;
  for (size_t i = 0; i < set.questions.size(); ++i) order.push_back(i);
  Random deal(settings.seed);
  shuffle(order, deal);
  const Question& question = set.questions[order[static_cast<size_t>(index)]];

  std::vector<std::string> documents = {set.paragraphs[question.paragraph]};
  int64_t words = size;
  for (const size_t i : distractors(set, question.paragraph, random)) {
    if (words == 0) break;
    documents.push_back(first_words(set.paragraphs[i], words));
  }
  shuffle(documents, random);
  for (size_t i = 0; i < documents.size(); ++i) documents[i] = fmt::format("Document {}:\n{}", i + 1, documents[i]);
  constexpr std::string_view kAsk =
      "Answer the question based on the given documents. Only give me the answer and do not output any other words.";
  TaskDocument document{.context = {}, .answer_prefix = "Answer:", .answers = question.answers};
  document.context = fmt::format("{}\n\nThe following are given documents.\n\n{}\n\n{}\n\nQuestion: {} {}", kAsk,
                                 join(documents, "\n\n"), kAsk, question.text, document.answer_prefix);
  document.metric = "contains_any";
  document.max_tokens = 32;
  return document;
}

}  // namespace t6
