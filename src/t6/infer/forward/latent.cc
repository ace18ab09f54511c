#include "t6/infer/forward/latent.h"

#include <algorithm>
#include <memory>

#include "t6/kernels/matmul.h"
#include "t6/kernels/pointwise.h"
#include "t6/model/norm_epsilons.h"

namespace t6 {
namespace {

// Of the thread that takes a part of the heads.
struct HeadContexts {
  std::vector<std::unique_ptr<Context>> of_part;
};

// One product per head; each is small, so threads take heads.
void matmul_heads(Context& context, const std::vector<WeightMatrix>& heads, const Matmul& first, int64_t x_step,
                  int64_t y_step) {
  constexpr int64_t kGrain = 1 << 16;  // multiply-adds that are worth a hand-over to another thread
  const int64_t cost = std::max<int64_t>(1, first.T * heads.front().rows() * heads.front().columns());
  const auto count = static_cast<int64_t>(heads.size());
  const int64_t parts = std::clamp<int64_t>(count * cost / kGrain, 1, std::min<int64_t>(context.thread_count(), count));
  auto& contexts = context.memory<HeadContexts>().of_part;
  while (std::ssize(contexts) < parts) contexts.push_back(std::make_unique<Context>(1));
  context.parallel_for(parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t h = begin * count / parts; h < end * count / parts; ++h) {
      Matmul product = first;
      product.x += h * x_step;
      product.w = &heads[static_cast<size_t>(h)];
      product.y += h * y_step;
      matmul(*contexts[static_cast<size_t>(begin)], product);
    }
  });
}

}  // namespace

void absorb_queries(Context& context, const ModelConfig& config, const LatentWeights& weights,
                    const RotaryTable& rotary, const TokenRows& tokens, float* queries, float* out) {
  const int64_t H = config.num_attention_heads, D = config.head_dim;
  const int64_t latent = config.kv_lora_rank, rope = config.qk_rope_head_dim;
  const int64_t from = D + rope, to = latent + rope;
  for (int64_t t = 0; t < tokens.T; ++t) {
    rotate(queries + t * H * from + D, H, from, rotary.at(tokens.positions[t]), rotary.dim());
    for (int64_t row = t * H; row < (t + 1) * H; ++row) {
      std::copy_n(queries + row * from + D, rope, out + row * to + latent);
    }
  }
  const Matmul head = {.x = queries, .y = out, .T = tokens.T, .x_stride = H * from, .y_stride = H * to};
  matmul_heads(context, weights.key_up, head, from, to);
}

void project_latents(Context& context, const ModelConfig& config, const LatentWeights& weights,
                     const RotaryTable& rotary, const TokenRows& tokens, float* out) {
  const int64_t latent = config.kv_lora_rank, width = latent + config.qk_rope_head_dim;
  matmul(context, {.x = tokens.x, .w = &weights.down, .y = out, .T = tokens.T});
  rms_norm(context, {.x = out,
                     .weight = weights.norm,
                     .out = out,
                     .rows = tokens.T,
                     .width = latent,
                     .x_stride = width,
                     .out_stride = width,
                     .epsilon = static_cast<float>(kLatentEpsilon)});
  for (int64_t t = 0; t < tokens.T; ++t) {
    rotate(out + t * width + latent, 1, width, rotary.at(tokens.positions[t]), rotary.dim());
  }
}

void expand_values(Context& context, const ModelConfig& config, const LatentWeights& weights, int64_t T,
                   const float* latents, float* out) {
  const int64_t H = config.num_attention_heads, E = config.value_dim(), latent = config.kv_lora_rank;
  const Matmul head = {.x = latents, .y = out, .T = T, .x_stride = H * latent, .y_stride = H * E};
  matmul_heads(context, weights.value_up, head, latent, E);
}

}  // namespace t6
