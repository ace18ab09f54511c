#include "t6/eval/task_scores.h"

#include <algorithm>
#include <span>
#include <utility>

#include "t6/core/error.h"
#include "t6/core/stopwatch.h"
#include "t6/eval/tasks/likelihood.h"
#include "t6/eval/tasks/statistics.h"

namespace t6 {
namespace {

constexpr size_t kBatchDocuments = 64;
constexpr int64_t kBatchBytes = int64_t{512} << 20;  // of the documents' caches

EncodedDocument encode(const LoadedModel& loaded, const EvalTask& task, size_t index) {
  const EvalDocument& document = task.documents[index];
  EncodedDocument encoded;
  try {
    for (size_t i = 0; i < document.count(); ++i) {
      encoded.push_back(encode_text(loaded, document.context(i), document.text(i)));
    }
  } catch (const Error& error) {
    fail("{}, document {}: {}", task.name, index + 1, error.what());
  }
  return encoded;
}

// The documents [begin, end) of a task.
std::vector<EncodedDocument> encode(Context& context, const LoadedModel& loaded, const EvalTask& task, size_t begin,
                                    size_t end) {
  std::vector<EncodedDocument> documents(end - begin);
  context.parallel_for(std::ssize(documents), 8, [&](int64_t first, int64_t last) {
    for (auto i = static_cast<size_t>(first); i < static_cast<size_t>(last); ++i) {
      documents[i] = encode(loaded, task, begin + i);
    }
  });
  return documents;
}

// So many documents from the first on are read at once.
size_t batch_size(const LikelihoodReader& reader, std::span<const EncodedDocument> documents) {
  size_t count = 0;
  for (int64_t bytes = 0; count < std::min(documents.size(), kBatchDocuments); ++count) {
    bytes += reader.cache_bytes(documents[count]);
    if (count > 0 && bytes > kBatchBytes) break;
  }
  return count;
}

}  // namespace

TaskResult score_task(Context& context, const LoadedModel& loaded, const EvalTask& task, const ScoringOptions& options,
                      const std::function<void(size_t, const DocumentScore&)>& take) {
  const Stopwatch time;
  LikelihoodReader reader(context, loaded, options.cache_type);
  TaskTally tally(task);
  const auto cancelled = [&] { return options.cancel && options.cancel->cancelled(); };
  for (size_t begin = 0, end; begin < task.documents.size() && !cancelled(); begin = end) {
    const size_t group = task.documents[begin].group;
    end = begin;
    while (end < task.documents.size() && task.documents[end].group == group) ++end;
    const std::vector<EncodedDocument> documents = encode(context, loaded, task, begin, end);
    reader.begin_group(documents);
    for (size_t done = 0, count; done < documents.size() && !cancelled(); done += count) {
      const auto rest = std::span(documents).subspan(done);
      count = batch_size(reader, rest);
      std::vector<std::vector<ChoiceScore>> scores = reader.read(rest.first(count));
      for (size_t i = 0; i < count; ++i) {
        const size_t index = begin + done + i;
        DocumentScore score = judge_document(task, index, std::move(scores[i]));
        score.cut = std::ranges::any_of(rest[i], &EncodedText::cut);
        tally.add(index, score);
        take(index, score);
      }
    }
  }
  TaskResult result = tally.result();
  result.seconds = time.seconds();
  return result;
}

}  // namespace t6
