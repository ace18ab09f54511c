// What the importers share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "t6/import/import.h"
#include "t6/text/tokenizer.h"

namespace t6 {

// H query heads with G key and value heads: mha, mqa or gqa. Error: check_config finds it.
void set_heads(ModelConfig& config, int64_t heads, int64_t key_value_heads);

// The configuration as reading it from a config.json would give it, with every check. `source` begins messages.
ModelConfig checked_again(const ModelConfig& config, const std::string& source);

// Error: fewer tensors than layers; it bounds what a false number of layers can cost.
void require_layers(const ModelConfig& config, size_t tensors, const std::string& source);

// `size` bytes that the model owns from now on, filled by `fill`.
std::span<const std::byte> new_bytes(ImportedModel& model, int64_t size,
                                     const std::function<void(std::span<std::byte>)>& fill);

std::span<float> floats_of(std::span<std::byte> bytes);

// Rows of queries or keys that lie in the order in which pairs (2i, 2i + 1) of a head's features rotate, moved to ours,
// where pairs (i, i + D/2) do. Whole rows move, so any type may be stored in them.
void pair_halves(ImportedModel& model, TensorView& tensor, int64_t head_dim);
// The way back.
void interleave_halves(ImportedModel& model, TensorView& tensor, int64_t head_dim);

}  // namespace t6
