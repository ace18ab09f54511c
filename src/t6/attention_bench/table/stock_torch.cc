#include "t6/attention_bench/table/stock_torch.h"

#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>

#include "t6/core/error.h"
#include "t6/model/factors.h"

namespace t6 {
namespace {

using torch::Tensor;

// Adds up what this thread's operators allocate and free.
class MemoryCount : public c10::MemoryReportingInfoBase {
 public:
  void reportMemoryUsage(void*, int64_t bytes, size_t, size_t, c10::Device) override {
    held_ += bytes;
    peak_ = std::max(peak_, held_);
  }
  bool memoryProfilingEnabled() const override { return true; }
  int64_t held() const { return held_; }
  int64_t peak() const { return peak_; }

 private:
  int64_t held_ = 0, peak_ = 0;
};

// Bytes that `work` takes at its peak beside those that its result keeps.
int64_t temporary_bytes(const std::function<Tensor()>& work) {
  const auto count = std::make_shared<MemoryCount>();
  const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, count);
  const Tensor result = work();
  return count->peak() - static_cast<int64_t>(result.nbytes());
}

bool is_grouped(const ModelConfig& config) {
  const auto kind = config.attention_kind;
  return kind == AttentionKind::mha || kind == AttentionKind::gqa || kind == AttentionKind::mqa;
}

Tensor sdpa(const Tensor& q, const Tensor& k, const Tensor& v, bool causal) {
  return torch::scaled_dot_product_attention(q, k, v, {}, 0.0, causal, std::nullopt, q.size(1) != k.size(1));
}

Timing time_tensor(const std::function<Tensor()>& work) {
  return time_runs([&] { (void)work(); });
}

Timing decode_grouped(const ModelConfig& config, int64_t B, int64_t M) {
  const int64_t H = config.num_attention_heads, D = config.head_dim, G = attention_shape(config).k.rank;
  const Tensor q = torch::randn({B, H, 1, D}), k = torch::randn({B, G, M, D}), v = torch::randn({B, G, M, D});
  return time_tensor([&] { return sdpa(q, k, v, false); });
}

Timing decode_latent(const ModelConfig& config, int64_t B, int64_t M) {
  const int64_t width = config.kv_lora_rank + config.qk_rope_head_dim;
  const double scale = attention_scale(config);
  const Tensor q = torch::randn({B, config.num_attention_heads, width}), latent = torch::randn({B, M, width});
  return time_tensor([&] {
    const Tensor weights = torch::softmax(q.matmul(latent.transpose(1, 2)) * scale, -1);
    return weights.matmul(latent.narrow(-1, 0, config.kv_lora_rank));
  });
}

Timing decode_factors(const ModelConfig& config, int64_t B, int64_t M) {
  const int64_t H = config.num_attention_heads, D = config.head_dim, Q = config.q_rank, R = config.k_rank;
  const double scale = attention_scale(config) / static_cast<double>(Q * R);
  const Tensor a_q = torch::randn({B, Q, H}), b_q = torch::randn({B, Q, D});
  const Tensor a_k = torch::randn({B, M, R, H}), b_k = torch::randn({B, M, R, D});
  const Tensor a_v = torch::randn({B, M, R, H}), b_v = torch::randn({B, M, R, D});
  return time_tensor([&] {
    const Tensor dots = torch::einsum("brd,bmsd->bmsr", {b_q, b_k});
    const Tensor logits = (torch::einsum("bmsr,brh->bmsh", {dots, a_q}) * a_k).sum(2) * scale;
    const Tensor weights = torch::softmax(logits, 1);
    return torch::einsum("bmsh,bmse->bhe", {weights.unsqueeze(2) * a_v, b_v}) / static_cast<double>(R);
  });
}

}  // namespace

void set_torch_threads(int count) { torch::set_num_threads(count); }

Roof measure_roof() {
  const torch::NoGradGuard no_gradients;
  const Tensor x = torch::randn({2048, 2048}), y = torch::randn({2048, 2048});
  const Tensor numbers = torch::randn({64 << 20});
  const double product = time_tensor([&] { return x.matmul(y); }).best_s;
  const double sum = time_tensor([&] { return numbers.sum(); }).best_s;
  return {2.0 * 2048 * 2048 * 2048 / product, static_cast<double>(numbers.nbytes()) / sum};
}

Timing stock_decode(const ModelConfig& config, int64_t batch, int64_t length) {
  const torch::NoGradGuard no_gradients;
  if (is_grouped(config)) return decode_grouped(config, batch, length);
  if (config.attention_kind == AttentionKind::mla) return decode_latent(config, batch, length);
  if (config.attention_kind == AttentionKind::tpa) return decode_factors(config, batch, length);
  fail("there is no form of {} in stock PyTorch here", attention_kind_name(config.attention_kind));
}

int64_t stock_decode_bytes(const ModelConfig& config, int64_t batch, int64_t length) {
  // Beside the cache, tpa's logits and weights of every head and rank exist several times at once.
  const int64_t logits = 6 * config.num_attention_heads * std::max<int64_t>(1, config.k_rank);
  return 4 * batch * length * (attention_shape(config).cache_numbers() + logits);
}

StockPrefill stock_prefill(const ModelConfig& config, int64_t batch, int64_t length, bool bfloats) {
  const torch::NoGradGuard no_gradients;
  const AttentionShape attention = attention_shape(config);
  // [B, T, H, R] and [B, T, R, D]; without head factors b are the heads, [B, T, G, D].
  const torch::ScalarType type = bfloats ? torch::kBFloat16 : torch::kFloat;
  const auto heads = [&](const FactorShape& shape) {
    const Tensor b = torch::randn({batch, length, shape.rank, shape.features}).to(type);
    const bool factored = shape.head == HeadFactor::contextual;
    const Tensor a = factored ? torch::randn({batch, length, shape.heads, shape.rank}).to(type) : Tensor();
    return [=] { return (factored ? a.matmul(b) / static_cast<double>(a.size(3)) : b).transpose(1, 2); };
  };
  const auto form_q = heads(attention.q), form_k = heads(attention.k), form_v = heads(attention.v);
  const std::function<Tensor()> work = [&] { return sdpa(form_q(), form_k(), form_v(), true); };
  const int64_t bytes = temporary_bytes(work);
  return {time_tensor(work), bytes};
}

int64_t stock_prefill_bytes(const ModelConfig& config, int64_t batch, int64_t length) {
  // Q, K, V and the output; one of them before it is divided by its rank, and copies that the operator makes; factors.
  return 4 * batch * length * 8 * config.num_attention_heads * config.head_dim;
}

}  // namespace t6
