// What a run learns from and is measured by: token shards, or documents with labels.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "t6/core/cancel_token.h"
#include "t6/formats/json_object.h"
#include "t6/formats/run_files.h"
#include "t6/nn/transformer.h"
#include "t6/train/ranks.h"
#include "t6/train/run_config.h"

namespace t6 {

struct PassLoss {
  torch::Tensor loss;  // a scalar with its graph
  int64_t tokens = 0;  // that the model read, without padding
};

class TrainingData {
 public:
  virtual ~TrainingData() = default;

  // Of the rank's share of forward pass 0, 1, ... of the run, on the model's device: the same for a seed, whatever came
  // before.
  virtual PassLoss loss(Transformer& model, int64_t pass) = 0;
  // Reads what this pass needs and has it copied to the device, for loss() to find there: while the device computes.
  virtual void prepare(int64_t pass, torch::Device device) = 0;
  virtual bool has_validation() const = 0;
  // On the validation split, and on that of a test where `last`; without step and tokens. Nothing: cancelled, on this
  // rank or another. All ranks call it, and all get the numbers of the whole split.
  virtual std::optional<ValidationRecord> evaluate(Transformer& model, bool last, const CancelToken& cancel) const = 0;

  virtual int64_t train_tokens() const = 0;       // of all that there is
  virtual int64_t validation_tokens() const = 0;  // 0: no such split
  virtual double step_tokens() const = 0;         // that a step reads, the mean
  virtual std::string words() const = 0;          // what it is, for people: "data/kjv: 1,000 tokens for training, ..."
  virtual std::vector<std::string> notes() const { return {}; }
  // A section's name, and in it what a resumed run must find as it was.
  virtual std::pair<std::string, Json> identity() const = 0;
  virtual Json facts() const = 0;  // of run.json
  // Files of a model's folder beside configuration and weights.
  virtual void write_files(const std::filesystem::path& folder) const = 0;
};

// Opens the data that `config` names, and sets in it what follows from them: the vocabulary, the number of labels.
// Errors: those of the data, and sizes in `config` that do not fit them; a batch that cannot be divided over the ranks.
std::unique_ptr<TrainingData> open_training_data(RunConfig& config, std::shared_ptr<Ranks> ranks);
std::unique_ptr<TrainingData> open_shards(RunConfig& config, std::shared_ptr<Ranks> ranks);
std::unique_ptr<TrainingData> open_labelled(RunConfig& config, std::shared_ptr<Ranks> ranks);

}  // namespace t6
