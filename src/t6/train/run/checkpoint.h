// What a checkpoint holds: a model folder, the optimizer's moments and where the run stands.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "t6/core/error.h"
#include "t6/formats/json.h"
#include "t6/formats/json_object.h"
#include "t6/formats/run_files.h"
#include "t6/nn/transformer.h"
#include "t6/train/optimizer.h"

namespace t6 {

// Steps that no line of the metrics covers yet.
struct OpenInterval {
  int64_t steps = 0;
  double loss = 0;  // the sum of theirs
};

struct BestStep {
  int64_t step = 0;
  double loss = 0;              // on the validation split
  double accuracy = kNoNumber;  // of classifiers
};

struct TrainerState {
  int64_t step = 0;
  int64_t tokens = 0;  // trained on so far
  double seconds = 0;  // of training so far
  OpenInterval open = {};
  std::optional<BestStep> best = {};  // of all evaluations so far
  bool evaluation_due = false;        // that of this step was interrupted
  Json configuration = {};            // objects of settings that decide the run's numbers
};

// As trainer.json holds it, and back. Errors: a key that is missing or no such number.
Json to_json(const TrainerState& state);
TrainerState trainer_state(const JsonObject& object);

// Writes the files of a checkpoint into `folder`, but for those of its data (TrainingData). `moments`: AdamW's.
void write_checkpoint(const std::filesystem::path& folder, const TrainerState& state, const Transformer& model,
                      const AdamW::NamedTensors& moments);

// The settings of a checkpoint are not the run's.
class OtherSettings : public Error {
 public:
  using Error::Error;
};

// Reads parameters back, and into `moments` those of AdamW, bit for bit. Errors: a file is damaged or of another model;
// OtherSettings, where the first that differs from `configuration` is named with both its values.
TrainerState read_checkpoint(const std::filesystem::path& folder, const Json& configuration, Transformer& model,
                             const AdamW::NamedTensors& moments);

}  // namespace t6
