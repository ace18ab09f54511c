// The factorized KV cache of one sequence: for each token and layer exactly what is contextual, once.
#pragma once

#include <cstdint>
#include <vector>

#include "t6/model/config.h"

namespace t6 {

// One kind of factor of all tokens, [capacity, width]; width 0 when the model does not cache it.
struct FactorStream {
  int64_t width = 0;  // numbers a token
  std::vector<float> numbers;

  float* at(int64_t token) { return width ? numbers.data() + token * width : nullptr; }
};

// Second-order b, or third-order b' and c. Keys are rotated, but for shared B, where b is raw and belongs to the values
// too, and MLA, where k.b is the latent and its rotated part.
struct CachedFactors {
  FactorStream a, b, c;  // [R, H], [R, D], [R, third] a token
};
struct LayerCache {
  CachedFactors k, v;
};

class FactorCache {
 public:
  // Room for at most `limit` tokens; 0: the model's max_position_embeddings, which is also the most.
  explicit FactorCache(const ModelConfig& config, int64_t limit = 0);

  bool fits(const ModelConfig& config) const;  // has this model's layers and factors
  int64_t size() const { return size_; }       // tokens
  int64_t limit() const { return limit_; }
  int64_t room() const { return limit_ - size_; }
  int64_t numbers_per_token() const;  // of one layer, counted from the streams
  int64_t bytes() const;              // of memory held, counted from the streams
  int64_t bytes_per_token() const { return layer_count() * numbers_per_token() * int64_t{sizeof(float)}; }

  // Makes memory for `tokens` more, in whole pages; the caller fills them and then calls advance. Error: more than
  // room().
  void reserve(int64_t tokens);
  void advance(int64_t tokens) { size_ += tokens; }
  // Forgets the tokens from `size` on; the memory stays. Error: more than there are.
  void truncate(int64_t size);
  // Forgets all tokens and gives their memory back.
  void clear();

  int64_t layer_count() const { return static_cast<int64_t>(layers_.size()); }
  LayerCache& layer(int64_t index) { return layers_[static_cast<size_t>(index)]; }

 private:
  std::vector<LayerCache> layers_;
  int64_t limit_ = 0, size_ = 0, capacity_ = 0;
};

}  // namespace t6
