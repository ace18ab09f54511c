// What a configuration costs: parameters, arithmetic and cache, computed from its shapes alone.
#pragma once

#include <cstdint>
#include <map>

#include "t6/model/config.h"
#include "t6/model/parameters.h"
#include "t6/numbers/number_type.h"

namespace t6 {

int64_t parameter_count(const ModelConfig& config);
std::map<Part, int64_t> parameter_counts(const ModelConfig& config);

// Multiply-adds that attention spends on one cached token in one layer when decoding (appendix A): the
// factor-space order for TPA, 2 H D when dense, H (2 d_c + d_r) for absorbed MLA; the cheaper order where
// both exist.
int64_t decode_multiply_adds(const ModelConfig& config);

// Floating-point operations (two per multiply-add) to predict one token after `context` others.
double forward_flops(const ModelConfig& config, int64_t context);

// Bytes cached per token, all layers, the scales of integers among them: those of a full page, for each of its tokens,
// rounded up. Error: a cache cannot store this type.
int64_t cache_bytes(const ModelConfig& config, NumberType type);

// Bytes of a cache of `tokens` tokens, whole pages: layers with a window have given back what no token sees any more.
int64_t cache_bytes_at(const ModelConfig& config, NumberType type, int64_t tokens);

// Tokens whose cache fits into `memory` bytes beside the weights, both stored in `type`; 0 when the weights
// do not fit. Where every layer has a window, so that its cache does not grow, no more than the model has positions.
int64_t longest_context(const ModelConfig& config, NumberType type, int64_t memory);

// The model with another attention of (nearly) the same number of parameters: heads are chosen for it,
// everything else stays. GQA has 2 groups; MLA has d_c = 4 D and d_q = 8 D, in narrow models 3/8 and 3/4 of the width,
// and d_r = D / 2 rounded to an even number.
ModelConfig equal_size_baseline(const ModelConfig& config, AttentionKind kind);

// Sets the number of heads so that a layer's attention comes closest to `target` parameters.
void fit_heads(ModelConfig& config, int64_t target);
int64_t attention_parameters(const ModelConfig& config);  // of one layer
// Sets the feed-forward's width, at least 1, so that the model comes closest to `target` parameters.
void fit_feed_forward(ModelConfig& config, int64_t target);

}  // namespace t6
