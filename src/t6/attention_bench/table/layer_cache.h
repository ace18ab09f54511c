// The cache of one attention layer in pages, as serving holds it, filled with random factors; and decode steps on it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "t6/kernels/attention.h"
#include "t6/model/factors.h"

namespace t6 {

// Where a token's factors lie in a page: head factors and (rotated) keys with tokens in the lanes, values and MLA's
// latent, which is both, in rows.
struct BenchPage {
  BenchPage(const AttentionShape& shape, NumberType type);

  PagedStream k_a, k_b, v_a, v_b;  // of MLA v_b is k_b
  int64_t bytes = 0;
  int64_t bytes_per_token = 0;  // what a decode step reads, rounded up

  // Bytes of the pages of `sequences` sequences of `length` tokens.
  int64_t bytes_of(int64_t sequences, int64_t length) const;
};

class BenchCache {
 public:
  // Pages for that many sequences of that many tokens, each in memory of its own.
  BenchCache(const ModelConfig& config, const BenchPage& page, int64_t sequences, int64_t length);

  // The next token of each of `sequences` sequences, which is the last of `length` in its cache. No more pages than
  // were made; valid until the next call.
  std::vector<Attention> step(int64_t sequences, int64_t length);
  const BenchPage& page() const { return page_; }

 private:
  AttentionShape shape_;
  double scale_;  // of the logits
  BenchPage page_;
  std::unique_ptr<std::byte[], void (*)(void*)> memory_;
  std::vector<const std::byte*> table_;
  std::vector<float> queries_, out_;
};

}  // namespace t6
