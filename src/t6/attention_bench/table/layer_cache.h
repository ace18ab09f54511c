// The cache of one attention layer in pages, as serving holds it, filled with random factors; and decode steps on it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "t6/kernels/attention.h"
#include "t6/model/cache_layout.h"

namespace t6 {

// One layer of a page as serving lays it out (model/cache_layout.h), with keys that nothing is left to do to on use.
struct BenchPage {
  BenchPage(const ModelConfig& config, NumberType type);

  LayerStreams streams;
  int64_t bytes = 0;            // to the next page
  int64_t bytes_per_token = 0;  // what a decode step reads, rounded up

  // Bytes of the pages of `sequences` sequences of `length` tokens.
  int64_t bytes_of(int64_t sequences, int64_t length) const;
};

class BenchCache {
 public:
  // Pages for that many sequences of that many tokens, each in memory of its own.
  BenchCache(Context& context, const ModelConfig& config, const BenchPage& page, int64_t sequences, int64_t length);

  // The next token of each of `sequences` sequences, which is the last of `length` in its cache. No more pages than
  // were made; valid until the next call.
  std::vector<Attention> step(int64_t sequences, int64_t length);
  const BenchPage& page() const { return page_; }

 private:
  AttentionShape shape_;
  double logit_scale_;
  BenchPage page_;
  std::unique_ptr<std::byte[], void (*)(void*)> memory_;
  std::vector<const std::byte*> table_;
  std::vector<float> queries_, out_;
};

}  // namespace t6
