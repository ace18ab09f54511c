// Attention once more, slow and readable, in double precision: what the fast kernels are tested against.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "t6/kernels/attention.h"

namespace t6 {

// The product sum_r a_r (outer) b_r of one token of the view, [H, D]: what no kernel ever materializes.
std::vector<double> materialize_reference(const FactorView& view, int64_t heads, int64_t token);

// The keys that a query sees, in order.
std::vector<size_t> seen_reference(const Attention& arguments, int64_t query);

struct AttentionResult {
  std::vector<double> out;  // [T, H, E]
  std::vector<double> lse;  // [T, H]
};

// What out and lse hold after attention(): softmax over materialised queries, keys and values.
AttentionResult attention_reference(const Attention& arguments);

}  // namespace t6
