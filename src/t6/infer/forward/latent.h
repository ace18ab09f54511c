// MLA in its absorbed form: heads' key weights move onto the queries and their value weights onto the output, so that
// attention runs over the latent as MQA does.
#pragma once

#include "t6/infer/forward/projection.h"

namespace t6 {

// `queries` [T, H, D + d_r] as W x gives them (their last d_r features are rotated here, in place) become
// [W_uk^T q_nope, q_rope], out [T, H, d_c + d_r].
void absorb_queries(Context& context, const ModelConfig& config, const LatentWeights& weights,
                    const RotaryTable& rotary, const TokenRows& tokens, float* queries, float* out);

// What is cached, [c, k_rope]: out [T, d_c + d_r].
void project_latents(Context& context, const ModelConfig& config, const LatentWeights& weights,
                     const RotaryTable& rotary, const TokenRows& tokens, float* out);

// Heads' outputs from sums over the latent: latents [T, H, d_c], out [T, H, E].
void expand_values(Context& context, const ModelConfig& config, const LatentWeights& weights, int64_t T,
                   const float* latents, float* out);

}  // namespace t6
