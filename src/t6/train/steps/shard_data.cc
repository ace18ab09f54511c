// Training on token shards, to predict the next token.
#include <algorithm>
#include <numbers>
#include <numeric>
#include <span>
#include <utility>

#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/core/units.h"
#include "t6/formats/json.h"
#include "t6/formats/model_files.h"
#include "t6/train/device.h"
#include "t6/train/steps/data.h"
#include "t6/train/steps/one_ahead.h"
#include "t6/train/steps/own_pieces.h"
#include "t6/train/steps/training_data.h"

namespace t6 {
namespace {

std::span<int64_t> numbers_of(const torch::Tensor& tensor) {
  return {tensor.data_ptr<int64_t>(), static_cast<size_t>(tensor.numel())};
}

struct Batch {
  torch::Tensor inputs, targets;  // [B, T] int64
};

Batch read_batch(const Sequences& sequences, std::span<const int64_t> begins, torch::Device device) {
  const auto size = static_cast<int64_t>(begins.size());
  const torch::Tensor numbers = torch::empty({2, size, sequences.context()}, host_numbers(device));
  sequences.read(begins, numbers_of(numbers[0]), numbers_of(numbers[1]));
  const torch::Tensor there = sent_to(device, numbers);
  return {there[0], there[1]};
}

// Error: one file would be in both splits.
void require_two_splits(const Sequences& training, const Sequences& validation, const std::string& path) {
  for (const auto& one : training.files()) {
    for (const auto& other : validation.files()) {
      std::error_code ignored;
      require(!std::filesystem::equivalent(one, other, ignored),
              "{}: {} would be both training and validation data; name a folder that holds shards of both splits, as "
              "'t6 prepare' makes it",
              path, one.string());
    }
  }
}

// The validation split, or nothing where the data has none, as 't6 prepare --val-fraction 0' makes it.
std::optional<Sequences> open_validation(const RunConfig& config, const Sequences& training) {
  const std::filesystem::path path = config.data.path;
  if (std::filesystem::is_directory(path) && !has_token_shards(path, "val")) return std::nullopt;
  std::optional<Sequences> validation(std::in_place, path, "val", config.train.context, config.model.vocab_size);
  require_two_splits(training, *validation, config.data.path);
  return validation;
}

class ShardData : public TrainingData {
 public:
  ShardData(const RunConfig& config, DataFacts facts, std::shared_ptr<Ranks> ranks)
      : ranks_(std::move(ranks)),
        facts_(std::move(facts)),
        path_(config.data.path),
        train_(config.train),
        vocabulary_(config.model.vocab_size),
        step_tokens_(config.step_tokens()),
        share_(train_.batch_size / ranks_->size()),
        training_(path_, "train", train_.context, config.model.vocab_size),
        validation_(open_validation(config, training_)),
        order_(training_.tokens(), train_.context, static_cast<uint64_t>(train_.seed)) {}

  PassLoss loss(Transformer& model, int64_t pass) override {
    const Batch batch = ahead_.take(pass, [&] { return batch_of(pass, model->device()); });
    return {model->loss(batch.inputs, batch.targets), share_ * train_.context};
  }

  void prepare(int64_t pass, torch::Device device) override { ahead_.put(pass, batch_of(pass, device)); }

  bool has_validation() const override { return validation_.has_value(); }

  std::optional<ValidationRecord> evaluate(Transformer& model, bool, const CancelToken& cancel) const override {
    const auto begins = even_begins(validation_->tokens(), train_.context, train_.evaluate_windows);
    std::vector<double> losses(begins.size());  // of a piece, at the place of its first sequence
    const bool done = for_own_pieces(*ranks_, cancel, std::ssize(begins), share_, [&](int64_t begin, int64_t count) {
      const auto own = std::span(begins).subspan(static_cast<size_t>(begin), static_cast<size_t>(count));
      const Batch batch = read_batch(*validation_, own, model->device());
      losses[static_cast<size_t>(begin)] =
          model->loss(batch.inputs, batch.targets).item<double>() * static_cast<double>(count);
    });
    if (!done) return std::nullopt;
    losses = ranks_->sum(std::move(losses));
    const double total = std::accumulate(losses.begin(), losses.end(), 0.0);
    ValidationRecord record;
    record.loss = total / static_cast<double>(begins.size());
    if (facts_.bytes_per_token) record.bits_per_byte = record.loss / std::numbers::ln2 / *facts_.bytes_per_token;
    return record;
  }

  int64_t train_tokens() const override { return training_.tokens(); }
  int64_t validation_tokens() const override { return validation_ ? validation_->tokens() : 0; }
  double step_tokens() const override { return static_cast<double>(step_tokens_); }

  std::string words() const override {
    return fmt::format("{}: {} tokens for training, {} for validation, vocabulary {}", path_,
                       format_digits(train_tokens()), validation_ ? format_digits(validation_tokens()) : "none",
                       format_digits(vocabulary_));
  }

  std::pair<std::string, Json> identity() const override {
    return {run_keys::kData, {{"train_tokens", train_tokens()}, {"validation_tokens", validation_tokens()}}};
  }

  Json facts() const override {
    Json facts = {{"train_tokens", train_tokens()},
                  {run_keys::kValidationTokens, validation_tokens()},
                  {run_keys::kDataFolder, std::filesystem::absolute(path_).lexically_normal().string()}};
    if (facts_.bytes_per_token) facts["bytes_per_token"] = *facts_.bytes_per_token;
    return facts;
  }

  void write_files(const std::filesystem::path& folder) const override {
    if (!facts_.tokenizer.empty()) write_text(folder / kTokenizerFile, read_text(facts_.tokenizer));
  }

 private:
  Batch batch_of(int64_t pass, torch::Device device) const {
    std::vector<int64_t> begins(static_cast<size_t>(share_));
    int64_t sequence = pass * train_.batch_size + ranks_->rank() * share_;
    for (int64_t& place : begins) place = order_.begin(sequence++);
    return read_batch(training_, begins, device);
  }

  std::shared_ptr<Ranks> ranks_;
  DataFacts facts_;
  std::string path_;
  TrainConfig train_;
  int64_t vocabulary_, step_tokens_;
  int64_t share_;  // of a batch, the rank's sequences
  Sequences training_;
  std::optional<Sequences> validation_;
  ShuffledOrder order_;
  OneAhead<Batch> ahead_;
};

}  // namespace

std::unique_ptr<TrainingData> open_shards(RunConfig& config, std::shared_ptr<Ranks> ranks) {
  DataFacts facts = read_data_facts(config.data.path);
  // The data's vocabulary when the model's is smaller: a preset's size is for another tokenizer.
  int64_t& vocab = config.model.vocab_size;
  if (facts.vocab_size && *facts.vocab_size > vocab) {
    require(!config.own_vocab, "model: \"vocab_size\" is {}, but the data in {} has a vocabulary of {}", vocab,
            config.data.path, *facts.vocab_size);
    vocab = *facts.vocab_size;
  }
  return std::make_unique<ShardData>(config, std::move(facts), std::move(ranks));
}

}  // namespace t6
