// Where the numbers of all parameters lie in one row of memory, which of them are sent together, and which are a
// rank's.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <vector>

namespace t6 {

struct Layout {
  // Parts begin at multiples of this within a parameter, so that what is computed of a number, and of a piece of so
  // many, is the same, whoever computes it.
  static constexpr int64_t kPiece = 4096;

  // Parameters whose gradients come one after another: they lie one behind another, and each rank has a part of them.
  struct Bucket {
    std::vector<size_t> parameters;
    std::vector<int64_t> cuts;  // [ranks + 1]: the part of rank r is [cuts[r], cuts[r + 1]) of the row
  };

  std::vector<Bucket> buckets;         // the first has the last parameters
  std::vector<int64_t> sizes, places;  // of each parameter: its numbers, and where they begin
  std::vector<size_t> bucket_of;       // of each parameter
  int64_t ranks = 1;

  int64_t total() const { return buckets.empty() ? 0 : buckets.back().cuts.back(); }
  // Numbers of all parts of a rank, and of the rank that has most.
  int64_t share(int64_t rank) const;
  int64_t largest_share() const;

  // What a rank has of a parameter: `count` of its numbers from `begin` on, which may be none.
  struct Part {
    int64_t begin = 0, count = 0;
  };
  Part part(size_t parameter, int64_t rank) const;

  // A bucket's parts, of each rank one, in a buffer that has the bucket's numbers.
  std::vector<torch::Tensor> parts_of(size_t bucket, const torch::Tensor& buffer) const;
  // The bucket's numbers in the row of all.
  torch::Tensor bucket_in(const torch::Tensor& row, size_t bucket) const;
};

// Of parameters of so many float32 numbers each. Buckets are small, so that the first of them is full early, and large
// enough that a message's delay is small beside its length.
Layout make_layout(const std::vector<int64_t>& sizes, int64_t ranks);

}  // namespace t6
