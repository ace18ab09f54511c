// Training a classifier on documents with labels.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <utility>

#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/core/sample_mean.h"
#include "t6/core/units.h"
#include "t6/formats/json.h"
#include "t6/formats/model_files.h"
#include "t6/labelled/labelled_set.h"
#include "t6/train/device.h"
#include "t6/train/steps/label_order.h"
#include "t6/train/steps/one_ahead.h"
#include "t6/train/steps/own_pieces.h"
#include "t6/train/steps/training_data.h"

namespace t6 {
namespace {

struct LabelBatch {
  torch::Tensor tokens;   // [B or 2B, T] int64, zeros behind each document
  torch::Tensor lengths;  // [B or 2B]
  torch::Tensor labels;   // [B]
  int64_t total = 0;      // tokens of all documents
};

LabelBatch read_batch(const LabelledSet& set, std::span<const int64_t> documents, torch::Device device) {
  const auto size = std::ssize(documents);
  int64_t longest = 0;
  for (const int64_t index : documents) longest = std::max(longest, set.longest(index));
  const torch::TensorOptions options = host_numbers(device);
  LabelBatch batch = {torch::zeros({size * set.texts(), longest}, options), torch::empty({size * set.texts()}, options),
                      torch::empty({size}, options)};
  auto tokens = batch.tokens.accessor<int64_t, 2>();
  auto lengths = batch.lengths.accessor<int64_t, 1>(), labels = batch.labels.accessor<int64_t, 1>();
  for (int64_t i = 0; i < size; ++i) {
    const int64_t index = documents[static_cast<size_t>(i)];
    labels[i] = set.label(index);
    for (int64_t text = 0; text < set.texts(); ++text) {
      const auto from = set.tokens(index, text);
      const int64_t row = text * size + i;
      std::copy(from.begin(), from.end(), tokens[row].data());
      lengths[row] = std::ssize(from);
      batch.total += std::ssize(from);
    }
  }
  for (torch::Tensor* part : {&batch.tokens, &batch.lengths, &batch.labels}) *part = sent_to(device, *part);
  return batch;
}

std::vector<int64_t> lengths_of(const LabelledSet& set) {
  std::vector<int64_t> lengths;
  for (int64_t i = 0; i < set.size(); ++i) lengths.push_back(set.longest(i));
  return lengths;
}

// At most `count` documents (0: all) that lie evenly in the set, by length.
std::vector<int64_t> to_measure(const LabelledSet& set, int64_t count) {
  const int64_t chosen = count == 0 ? set.size() : std::min(count, set.size());
  std::vector<int64_t> documents;
  for (int64_t i = 0; i < chosen; ++i) {
    documents.push_back(set.size() / chosen * i + std::min(i, set.size() % chosen));
  }
  std::ranges::stable_sort(documents, {}, [&](int64_t index) { return set.longest(index); });
  return documents;
}

struct Score {
  double loss = 0, accuracy = 0, accuracy_error = 0;
};

std::optional<Score> score(Transformer& model, const LabelledSet& set, const TrainConfig& train, Ranks& ranks,
                           const CancelToken& cancel) {
  const std::vector<int64_t> documents = to_measure(set, train.evaluate_windows);
  // Losses of a piece lie at the place of its first document.
  std::vector<double> losses(documents.size()), right(documents.size());
  const int64_t most = train.batch_size / ranks.size();
  const bool done = for_own_pieces(ranks, cancel, std::ssize(documents), most, [&](int64_t begin, int64_t count) {
    const auto first = static_cast<size_t>(begin);
    const auto own = std::span(documents).subspan(first, static_cast<size_t>(count));
    const LabelBatch batch = read_batch(set, own, model->device());
    const torch::Tensor logits = model->classify(batch.tokens, batch.lengths);
    losses[first] = torch::cross_entropy_loss(logits, batch.labels).item<double>() * static_cast<double>(count);
    const torch::Tensor hits = logits.argmax(1).eq(batch.labels).cpu().to(torch::kDouble);
    std::copy_n(hits.const_data_ptr<double>(), hits.numel(), right.begin() + begin);
  });
  if (!done) return std::nullopt;
  losses = ranks.sum(std::move(losses));
  right = ranks.sum(std::move(right));
  const SampleMean accuracy = sample_mean(right);
  return Score{std::accumulate(losses.begin(), losses.end(), 0.0) / static_cast<double>(documents.size()),
               accuracy.mean, accuracy.standard_error().value_or(kNoNumber)};
}

std::optional<LabelledSet> open_set(const LabelledTask& task, const std::string& file, int64_t longest) {
  return file.empty() ? std::nullopt : std::optional<LabelledSet>(std::in_place, task, file, longest);
}

void note_cut(std::vector<std::string>& notes, const char* split, const std::optional<LabelledSet>& set,
              int64_t longest) {
  if (!set || set->cut() == 0) return;
  notes.push_back(fmt::format("{} of {} {} documents have more than {} tokens; they end there",
                              format_digits(set->cut()), format_digits(set->size() * set->texts()), split,
                              format_digits(longest)));
}

class LabelData : public TrainingData {
 public:
  LabelData(const RunConfig& config, LabelledTask task, std::shared_ptr<Ranks> ranks)
      : ranks_(std::move(ranks)),
        settings_(config.task.documents),
        task_(std::move(task)),
        train_(config.train),
        training_(std::in_place, task_, settings_.train, train_.context),
        validation_(open_set(task_, settings_.validation, train_.context)),
        test_(open_set(task_, settings_.test, train_.context)),
        order_(lengths_of(*training_), train_.batch_size, static_cast<uint64_t>(train_.seed)) {}

  PassLoss loss(Transformer& model, int64_t pass) override {
    const LabelBatch batch = ahead_.take(pass, [&] { return batch_of(pass, model->device()); });
    return {torch::cross_entropy_loss(model->classify(batch.tokens, batch.lengths), batch.labels), batch.total};
  }

  void prepare(int64_t pass, torch::Device device) override { ahead_.put(pass, batch_of(pass, device)); }

  bool has_validation() const override { return validation_.has_value(); }

  std::optional<ValidationRecord> evaluate(Transformer& model, bool last, const CancelToken& cancel) const override {
    const std::optional<Score> validation = score(model, *validation_, train_, *ranks_, cancel);
    if (!validation) return std::nullopt;
    ValidationRecord record;
    record.loss = validation->loss;
    record.accuracy = validation->accuracy, record.accuracy_error = validation->accuracy_error;
    if (!last || !test_) return record;
    const std::optional<Score> test = score(model, *test_, train_, *ranks_, cancel);
    if (!test) return std::nullopt;
    record.test_loss = test->loss;
    record.test_accuracy = test->accuracy, record.test_accuracy_error = test->accuracy_error;
    return record;
  }

  int64_t train_tokens() const override { return training_->total_tokens(); }
  int64_t validation_tokens() const override { return validation_ ? validation_->total_tokens() : 0; }
  double step_tokens() const override {
    const double each = static_cast<double>(train_tokens()) / static_cast<double>(training_->size());
    return each * static_cast<double>(train_.batch_size * train_.gradient_accumulation);
  }

  std::string words() const override {
    const auto count = [](const std::optional<LabelledSet>& set) {
      return set ? format_digits(set->size()) : std::string("none");
    };
    return fmt::format("{}: {} {} for training, {} for validation, {} for a test, {} classes, vocabulary {}",
                       settings_.train, count(training_), task_.pairs ? "pairs" : "documents", count(validation_),
                       count(test_), task_.labels.size(), format_digits(task_.tokens.vocab_size()));
  }

  std::vector<std::string> notes() const override {
    std::vector<std::string> notes;
    note_cut(notes, "training", training_, train_.context);
    note_cut(notes, "validation", validation_, train_.context);
    note_cut(notes, "test", test_, train_.context);
    return notes;
  }

  std::pair<std::string, Json> identity() const override {
    Json json = labelled_task_json(task_);
    json["train_documents"] = training_->size();
    json["train_tokens"] = train_tokens();
    json["validation_documents"] = validation_ ? validation_->size() : 0;
    json["validation_tokens"] = validation_tokens();
    return {run_keys::kTask, json};
  }

  Json facts() const override {
    const auto whole = [](const std::string& file) {
      return file.empty() ? file : std::filesystem::absolute(file).lexically_normal().string();
    };
    Json facts = {{"train_documents", training_->size()},
                  {"train_tokens", train_tokens()},
                  {"validation_documents", validation_ ? validation_->size() : 0},
                  {run_keys::kValidationTokens, validation_tokens()},
                  {"test_documents", test_ ? test_->size() : 0},
                  {run_keys::kStepTokens, std::llround(step_tokens())},
                  {run_keys::kEvaluationTokens, evaluation_tokens()}};
    facts[run_keys::kTaskFiles] = {{task_keys::kTrain, whole(settings_.train)},
                                   {task_keys::kValidation, whole(settings_.validation)},
                                   {task_keys::kTest, whole(settings_.test)}};
    return facts;
  }

  void write_files(const std::filesystem::path& folder) const override {
    write_json(folder / kClassifierFile, labelled_task_json(task_));
    if (task_.tokens.tokenizer()) write_text(folder / kTokenizerFile, task_.tokens.tokenizer()->json());
  }

 private:
  LabelBatch batch_of(int64_t pass, torch::Device device) const {
    // In turn, since they come by their length.
    const std::vector<int64_t> documents = order_.documents(pass);
    std::vector<int64_t> own;
    for (auto i = ranks_->rank(); i < std::ssize(documents); i += ranks_->size()) {
      own.push_back(documents[static_cast<size_t>(i)]);
    }
    return read_batch(*training_, own, device);
  }

  int64_t evaluation_tokens() const {
    if (!validation_) return 0;
    const int64_t count = std::ssize(to_measure(*validation_, train_.evaluate_windows));
    return validation_tokens() / validation_->size() * count;
  }

  std::shared_ptr<Ranks> ranks_;
  LabelledSettings settings_;
  LabelledTask task_;
  TrainConfig train_;
  std::optional<LabelledSet> training_, validation_, test_;
  LabelOrder order_;
  OneAhead<LabelBatch> ahead_;
};

}  // namespace

std::unique_ptr<TrainingData> open_labelled(RunConfig& config, std::shared_ptr<Ranks> ranks) {
  LabelledTask task = read_labelled_task(config.task.documents, "the run");
  task.longest = config.train.context;
  ModelConfig& model = config.model;
  const auto classes = std::ssize(task.labels);
  require(model.num_labels == 0 || model.num_labels == classes,
          "model: \"num_labels\" is {}, but the documents in {} have {} classes", model.num_labels,
          config.task.documents.train, classes);
  const int64_t vocabulary = task.tokens.vocab_size();
  require(!config.own_vocab || model.vocab_size >= vocabulary,
          "model: \"vocab_size\" is {}, but the documents in {} have a vocabulary of {}", model.vocab_size,
          config.task.documents.train, vocabulary);
  if (!config.own_vocab) model.vocab_size = vocabulary;
  model.num_labels = classes;
  model.label_pairs = task.pairs;
  model.label_pooling = parse_label_pooling(config.task.pooling, "task: \"pooling\"");
  model.bidirectional = config.task.bidirectional;
  check_config(model, "model");
  return std::make_unique<LabelData>(config, std::move(task), std::move(ranks));
}

}  // namespace t6
