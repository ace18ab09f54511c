// What a checkpoint holds: a model folder, the optimizer's moments and where the run stands.
#pragma once

#include <cstdint>
#include <filesystem>

#include "t6/formats/json.h"
#include "t6/nn/transformer.h"
#include "t6/train/optimizer.h"

namespace t6 {

struct TrainerState {
  int64_t step = 0;
  int64_t tokens = 0;  // trained on so far
  double seconds = 0;  // of training so far
  Json configuration;  // objects of settings that decide the run's numbers
};

// Writes the files of a checkpoint into `folder`. `tokenizer` is a tokenizer.json to copy, or empty.
void write_checkpoint(const std::filesystem::path& folder, const TrainerState& state, const Transformer& model,
                      AdamW& optimizer, const std::filesystem::path& tokenizer);

// Reads parameters and moments back, bit for bit. Errors: a file is damaged or of another model, or the settings in it
// are not `configuration`; the first that differs is named with both its values.
TrainerState read_checkpoint(const std::filesystem::path& folder, const Json& configuration, Transformer& model,
                             AdamW& optimizer);

}  // namespace t6
