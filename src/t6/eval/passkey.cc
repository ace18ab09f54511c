#include "t6/eval/passkey.h"

#include "t6/core/error.h"
#include "t6/tasks/task.h"

namespace t6 {
namespace {

AnswerDocument passkey_document(const TaskDocument& made, int64_t length, int64_t depth, int64_t sample) {
  AnswerDocument document{.name = fmt::format("pass key {} at {} % of {} tokens", sample + 1, depth, length)};
  document.groups = {fmt::format("{}, {} %", length, depth)};
  document.prompt = made.context;
  document.answer_prefix = made.answer_prefix;
  document.metric = made.metric;
  document.key.answers = made.answers;
  document.max_tokens = made.max_tokens;
  return document;
}

}  // namespace

std::vector<int64_t> passkey_depths(int64_t count) {
  require(count >= 1 && count <= 101, "there are from 1 to 101 depths, not {}", count);
  if (count == 1) return {50};
  std::vector<int64_t> depths;
  for (int64_t i = 0; i < count; ++i) depths.push_back((200 * i + count - 1) / (2 * (count - 1)));  // rounded
  return depths;
}

std::vector<AnswerDocument> passkey_documents(const LoadedModel& loaded, const PasskeyOptions& passkey,
                                              const AnswerOptions& options) {
  require(!passkey.lengths.empty(), "there is no length to look for a pass key in");
  const TaskKind& kind = task_kind("passkey");
  const int64_t answer = make_task(kind, {}, 0).max_tokens;
  const auto count = [&](std::string_view text) {
    return std::ssize(prompt_tokens(loaded, {.prompt = std::string(text), .answer_prefix = {}}, options)) + answer;
  };
  std::vector<AnswerDocument> documents;
  int64_t index = 0;
  for (const int64_t length : passkey.lengths) {
    for (const int64_t depth : passkey_depths(passkey.depths)) {
      for (int64_t sample = 0; sample < passkey.samples; ++sample) {
        const TaskSettings settings{.length = length, .seed = passkey.seed, .count = count, .depth = depth};
        documents.push_back(passkey_document(make_task(kind, settings, index++), length, depth, sample));
      }
    }
  }
  return documents;
}

std::vector<double> passkey_grid(const PasskeyOptions& passkey, std::span<const WrittenAnswer> answers) {
  const size_t cells = passkey.lengths.size() * static_cast<size_t>(passkey.depths);
  std::vector<double> sums(cells, 0), counts(cells, 0);
  for (const WrittenAnswer& answer : answers) {
    const size_t cell = answer.document / static_cast<size_t>(passkey.samples);
    sums[cell] += answer.score;
    ++counts[cell];
  }
  for (size_t i = 0; i < cells; ++i) sums[i] = counts[i] > 0 ? sums[i] / counts[i] : -1;
  return sums;
}

}  // namespace t6
