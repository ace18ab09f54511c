// Sizes that make models comparable: as many parameters, heads or bytes of cache as a reference has.
#pragma once

#include <set>
#include <string>

#include "t6/model/config.h"
#include "t6/numbers/number_type.h"

namespace t6 {

// How near is equal.
inline constexpr double kParameterTolerance = 0.01;
inline constexpr double kCacheTolerance = 0.02;

// What is to be equal; any of these together, or none.
struct MatchRules {
  bool parameters = false;
  bool heads = false;  // and the feed-forward's width, unless parameters are to be equal
  bool cache = false;  // bytes per token, stored as cache_type
  NumberType cache_type = NumberType::bf16;

  bool any() const { return parameters || heads || cache; }
};

// Changes sizes of `config` until it equals `reference`, by these means, none of which touches the keys in `pinned`:
//   heads        num_attention_heads and intermediate_size are the reference's
//   cache        the sizes of the kind that its cache follows from (k_rank = v_rank and num_attention_heads of TPA,
//                kv_lora_rank of MLA, num_key_value_heads and head_dim of GQA, ...): of all that are near enough those
//                that change least
//   parameters   num_attention_heads, so that the attention is as large, unless it is matched itself or a matched cache
//                grows with it; then intermediate_size takes up the rest
// Error, which begins with `source`: that is impossible; it says what the nearest possible is.
void match_sizes(ModelConfig& config, const std::set<std::string>& pinned, const ModelConfig& reference,
                 const MatchRules& rules, const std::string& source);

}  // namespace t6
