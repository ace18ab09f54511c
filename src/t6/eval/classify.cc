#include "t6/eval/classify.h"

#include <algorithm>
#include <utility>

#include "t6/core/error.h"
#include "t6/formats/model_files.h"
#include "t6/import/find_model.h"
#include "t6/infer/forward.h"
#include "t6/kernels/pointwise.h"
#include "t6/text/documents.h"

namespace t6 {
namespace {

// The mean of rows [T, C], or the last of them.
std::vector<float> pooled(std::span<const float> states, int64_t width, LabelPooling pooling) {
  const auto C = static_cast<size_t>(width), T = states.size() / C;
  if (pooling == LabelPooling::last) return {states.end() - static_cast<std::ptrdiff_t>(C), states.end()};
  std::vector<double> sums(C);
  for (size_t t = 0; t < T; ++t) {
    for (size_t i = 0; i < C; ++i) sums[i] += states[t * C + i];
  }
  std::vector<float> mean(C);
  for (size_t i = 0; i < C; ++i) mean[i] = static_cast<float>(sums[i] / static_cast<double>(T));
  return mean;
}

// Both, their product and their difference.
std::vector<float> combined(const std::vector<float>& a, const std::vector<float>& b) {
  std::vector<float> all = a;
  all.insert(all.end(), b.begin(), b.end());
  for (size_t i = 0; i < a.size(); ++i) all.push_back(a[i] * b[i]);
  for (size_t i = 0; i < a.size(); ++i) all.push_back(a[i] - b[i]);
  return all;
}

std::vector<float> logits_of(const LoadedClassifier& classifier, const std::vector<float>& inputs) {
  std::vector<float> logits;
  for (auto row = classifier.weight.begin(); row != classifier.weight.end();) {
    double sum = 0;
    for (const float input : inputs) sum += static_cast<double>(input) * *row++;
    logits.push_back(static_cast<float>(sum));
  }
  return logits;
}

class Reader {
 public:
  Reader(Context& context, const LoadedClassifier& classifier, NumberType cache_type)
      : classifier_(classifier), pass_(context, classifier.model), cache_(classifier.config(), {.type = cache_type}) {}

  std::vector<float> read(std::span<const int32_t> tokens) {
    cache_.clear();
    const Step step = {
        .tokens = tokens, .cache = &cache_, .logits = Logits::none, .hidden_states = true, .reading = true};
    pass_.run({&step, 1});
    return pooled(pass_.hidden_states(0), classifier_.config().hidden_size, classifier_.config().label_pooling);
  }

 private:
  const LoadedClassifier& classifier_;
  ForwardPass pass_;
  FactorCache cache_;
};

}  // namespace

LoadedClassifier load_classifier(Context& context, const std::filesystem::path& path) {
  const FoundModel found = find_model(path);
  const bool own = found.form == ModelForm::own;
  const ModelConfig config = own ? read_config(found.path) : ModelConfig();
  require(config.is_classifier(), "{}: is no classifier; a run with [task] makes one", found.path.string());
  require(!config.bidirectional,
          "{}: its attention is bidirectional, which training alone computes; the accuracies are in its run's report",
          found.path.string());
  const Weights weights(config, found.path / kWeightsFile);
  return {.model = std::make_shared<const Model>(context, config, weights),
          .weight = weights.numbers("classifier.weight"),
          .task = labelled_task_from(found.path)};
}

LabelledSet labelled_set(const LoadedClassifier& classifier, const std::string& file) {
  LabelledTask task = classifier.task;
  if (format_by_name(file) == TextFormat::jsonl) task.format = "jsonl";
  return LabelledSet(task, file, std::min(task.longest, classifier.config().max_position_embeddings));
}

void classify(Context& context, const LoadedClassifier& classifier, const LabelledSet& set,
              const ClassifyOptions& options, const std::function<void(const GivenLabel&)>& take) {
  require(std::ssize(classifier.task.labels) == classifier.config().num_labels,
          "{} names {} labels, and the model has {}", kClassifierFile, classifier.task.labels.size(),
          classifier.config().num_labels);
  Reader reader(context, classifier, options.cache_type);
  const int64_t count = options.limit > 0 ? std::min(options.limit, set.size()) : set.size();
  for (int64_t i = 0; i < count && !(options.cancel && options.cancel->cancelled()); ++i) {
    std::vector<float> inputs = reader.read(set.tokens(i, 0));
    if (set.texts() == 2) inputs = combined(inputs, reader.read(set.tokens(i, 1)));
    const std::vector<float> logits = logits_of(classifier, inputs);
    const auto best = std::ranges::max_element(logits) - logits.begin();
    const double all = log_sum_exp(logits.data(), std::ssize(logits));
    take({i, set.label(i), best, all - logits[static_cast<size_t>(set.label(i))]});
  }
}

}  // namespace t6
