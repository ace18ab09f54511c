#include "t6/infer/cache.h"

#include <algorithm>

#include "t6/core/error.h"
#include "t6/model/factors.h"

namespace t6 {
namespace {

// Memory grows by whole pages: a short sequence holds little, a long one is seldom moved.
constexpr int64_t kPageTokens = 64;

CachedFactors cached_factors(const FactorShape& shape, bool features) {
  CachedFactors factors;
  factors.a.width = shape.head_numbers();
  if (features && shape.contextual_features) {
    factors.b.width = shape.rank * shape.base_features();
    factors.c.width = shape.third > 1 ? shape.rank * shape.third : 0;
  }
  return factors;
}

LayerCache empty_layer(const ModelConfig& config) {
  const AttentionShape shape = attention_shape(config);
  return {cached_factors(shape.k, true), cached_factors(shape.v, shape.values == ValueSource::own)};
}

template <typename Layer, typename Visitor>
void visit_streams(Layer& layer, Visitor&& visit) {
  for (auto* factors : {&layer.k, &layer.v}) {
    for (auto* stream : {&factors->a, &factors->b, &factors->c}) visit(*stream);
  }
}

}  // namespace

FactorCache::FactorCache(const ModelConfig& config, int64_t limit)
    : limit_(limit ? limit : config.max_position_embeddings) {
  require(limit_ >= 1 && limit_ <= config.max_position_embeddings,
          "a cache for {} tokens was asked for; this model has positions for 1 to {}", limit_,
          config.max_position_embeddings);
  layers_.assign(static_cast<size_t>(config.num_hidden_layers), empty_layer(config));
}

bool FactorCache::fits(const ModelConfig& config) const {
  std::vector<int64_t> widths, wanted;
  visit_streams(layers_.front(), [&](const FactorStream& stream) { widths.push_back(stream.width); });
  const LayerCache layer = empty_layer(config);
  visit_streams(layer, [&](const FactorStream& stream) { wanted.push_back(stream.width); });
  return widths == wanted && layer_count() == config.num_hidden_layers && limit_ <= config.max_position_embeddings;
}

int64_t FactorCache::numbers_per_token() const {
  int64_t numbers = 0;
  visit_streams(layers_.front(), [&](const FactorStream& stream) { numbers += stream.width; });
  return numbers;
}

int64_t FactorCache::bytes() const {
  size_t numbers = 0;
  for (const LayerCache& layer : layers_) {
    visit_streams(layer, [&](const FactorStream& stream) { numbers += stream.numbers.capacity(); });
  }
  return static_cast<int64_t>(numbers * sizeof(float));
}

void FactorCache::reserve(int64_t tokens) {
  require(tokens <= room(), "the context is full: {} tokens are cached, {} more do not fit into {}", size_, tokens,
          limit_);
  const int64_t wanted = size_ + tokens;
  if (wanted <= capacity_) return;
  const int64_t grown = std::max(wanted, capacity_ + capacity_ / 2);
  const int64_t capacity = std::min(limit_, (grown + kPageTokens - 1) / kPageTokens * kPageTokens);
  for (LayerCache& layer : layers_) {
    visit_streams(layer, [&](FactorStream& stream) {
      stream.numbers.reserve(static_cast<size_t>(capacity * stream.width));  // resize alone might take twice as much
      stream.numbers.resize(static_cast<size_t>(capacity * stream.width));
    });
  }
  capacity_ = capacity;
}

void FactorCache::truncate(int64_t size) {
  require(size >= 0 && size <= size_, "a cache of {} tokens cannot be cut to {}", size_, size);
  size_ = size;
}

void FactorCache::clear() {
  for (LayerCache& layer : layers_) {
    visit_streams(layer, [](FactorStream& stream) { std::vector<float>().swap(stream.numbers); });
  }
  size_ = capacity_ = 0;
}

}  // namespace t6
