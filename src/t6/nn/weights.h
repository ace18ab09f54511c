// Parameters' first values, and their way to and from a model folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>

#include "t6/nn/transformer.h"

namespace t6 {

// The reference's initial values (model/parameters.h), the same for a seed on every machine.
void initialize(Transformer& model, uint64_t seed);

// Reads model.safetensors of `folder`. Error: a tensor is missing, of another shape, or one too many.
void load_weights(Transformer& model, const std::filesystem::path& folder);

// Writes model.safetensors into `folder`, beside, synced and renamed.
void save_weights(const Transformer& model, const std::filesystem::path& folder);

// Calls write() with the numbers of a contiguous float32 tensor; those of another device with a copy of them, which the
// tensor takes afterwards.
void write_floats(const torch::Tensor& tensor, const std::function<void(std::span<float>)>& write);

// A contiguous float32 CPU tensor as bytes for write_safetensors; valid while `tensor` lives.
struct TensorView;
TensorView view_of(const torch::Tensor& tensor);

}  // namespace t6
