#include "t6/import/shared/tensors.h"

#include <cstring>
#include <memory>
#include <vector>

#include "t6/core/error.h"
#include "t6/formats/json.h"

namespace t6 {

void set_heads(ModelConfig& config, int64_t heads, int64_t key_value_heads) {
  config.num_attention_heads = heads;
  config.num_key_value_heads = key_value_heads;
  config.attention_kind = key_value_heads == heads ? AttentionKind::mha
                          : key_value_heads == 1   ? AttentionKind::mqa
                                                   : AttentionKind::gqa;
}

ModelConfig checked_again(const ModelConfig& config, const std::string& source) {
  return config_from_json(config_to_json(config), source);
}

void require_layers(const ModelConfig& config, size_t tensors, const std::string& source) {
  require(config.num_hidden_layers <= static_cast<int64_t>(tensors), "{}: {} layers, but only {} tensors", source,
          config.num_hidden_layers, tensors);
}

std::span<const std::byte> new_bytes(ImportedModel& model, int64_t size,
                                     const std::function<void(std::span<std::byte>)>& fill) {
  // Of floats, so that they may be read as such; not filled with zeros first.
  const std::shared_ptr<float[]> owner(new float[(static_cast<size_t>(size) + sizeof(float) - 1) / sizeof(float)]);
  const std::span<std::byte> bytes(reinterpret_cast<std::byte*>(owner.get()), static_cast<size_t>(size));
  fill(bytes);
  model.owners.push_back(owner);
  return bytes;
}

std::span<float> floats_of(std::span<std::byte> bytes) {
  return {reinterpret_cast<float*>(bytes.data()), bytes.size() / sizeof(float)};
}

namespace {

// Row `source(feature)` of each head becomes its row `feature`.
void move_rows(ImportedModel& model, TensorView& tensor, int64_t head_dim,
               const std::function<int64_t(int64_t feature)>& source) {
  const int64_t rows = tensor.shape.front();
  const size_t row_bytes = tensor.bytes.size() / static_cast<size_t>(rows);
  const std::byte* from = tensor.bytes.data();
  tensor.bytes = new_bytes(model, static_cast<int64_t>(tensor.bytes.size()), [&](std::span<std::byte> to) {
    for (int64_t row = 0; row < rows; ++row) {
      const auto at = static_cast<size_t>(row / head_dim * head_dim + source(row % head_dim));
      std::memcpy(to.data() + static_cast<size_t>(row) * row_bytes, from + at * row_bytes, row_bytes);
    }
  });
}

}  // namespace

void pair_halves(ImportedModel& model, TensorView& tensor, int64_t head_dim) {
  const int64_t half = head_dim / 2;
  move_rows(model, tensor, head_dim, [&](int64_t feature) { return feature % half * 2 + feature / half; });
}

void interleave_halves(ImportedModel& model, TensorView& tensor, int64_t head_dim) {
  const int64_t half = head_dim / 2;
  move_rows(model, tensor, head_dim, [&](int64_t feature) { return feature % 2 * half + feature / 2; });
}

}  // namespace t6
