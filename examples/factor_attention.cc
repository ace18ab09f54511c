// Attention over factors: a query, keys and values as sums of products a (x) b, once by the kernel, which never
// materializes them, and once by a plain loop that does.
#include <cmath>
#include <cstdio>
#include <vector>

#include "t6/kernels/attention.h"

namespace {

constexpr int kTokens = 100, kHeads = 4, kRank = 2, kFeatures = 8;

std::vector<float> waves(int count, float step) {
  std::vector<float> numbers(count);
  for (int i = 0; i < count; ++i) numbers[i] = std::sin(step * static_cast<float>(i + 1));
  return numbers;
}

struct Factors {
  std::vector<float> a, b;  // [kTokens, kRank, kHeads], [kTokens, kRank, kFeatures]

  explicit Factors(float step)
      : a(waves(kTokens * kRank * kHeads, step)), b(waves(kTokens * kRank * kFeatures, 2 * step)) {}
  t6::FactorView from(int token) const {
    constexpr int kA = kRank * kHeads, kB = kRank * kFeatures;
    return {
        .rank = kRank, .features = kFeatures, .a = &a[token * kA], .a_stride = kA, .b = &b[token * kB], .b_stride = kB};
  }
  // Feature i of a head's vector, sum_r a_r b_r.
  float materialized(int token, int head, int i) const {
    float sum = 0;
    for (int r = token * kRank; r < (token + 1) * kRank; ++r) sum += a[r * kHeads + head] * b[r * kFeatures + i];
    return sum;
  }
};

// Feature i of a head's output for the last token's query: softmax(scale <q, k>) times the values.
float plain_output(const Factors& q, const Factors& k, const Factors& v, float scale, int head, int i) {
  float total = 0, output = 0;
  for (int token = 0; token < kTokens; ++token) {
    float logit = 0;
    for (int j = 0; j < kFeatures; ++j)
      logit += scale * q.materialized(kTokens - 1, head, j) * k.materialized(token, head, j);
    total += std::exp(logit);
    output += std::exp(logit) * v.materialized(token, head, i);
  }
  return output / total;
}

}  // namespace

int main() {
  const Factors q(1.3f), k(0.9f), v(0.7f);
  const float scale = 1 / std::sqrt(static_cast<float>(kFeatures));
  std::vector<float> out(kHeads * kFeatures);
  t6::Attention step = {.q = q.from(kTokens - 1), .k = k.from(0), .v = v.from(0), .T = 1, .start = kTokens - 1};
  step.heads = kHeads;
  step.logit_scale = scale;
  step.out = out.data();
  t6::Context context;
  t6::attention(context, step);

  float apart = 0;
  for (int i = 0; i < kHeads * kFeatures; ++i) {
    const float plain = plain_output(q, k, v, scale, i / kFeatures, i % kFeatures);
    if (i < 4) std::printf("kernel %9.6f   loop %9.6f\n", out[i], plain);
    apart = std::fmax(apart, std::fabs(out[i] - plain));
  }
  std::printf("largest difference of %zu numbers: %.1e\n", out.size(), apart);
  return apart < 1e-4f ? 0 : 1;
}
