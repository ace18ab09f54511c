// Rates of the float32 or the bfloat16 matrix product at the shapes of a training step, beside the rate of
// multiply-adds alone.
//
//   build/release/bench/gemm_speed --threads 1
#include <CLI/CLI.hpp>
#include <tuple>
#include <vector>

#include "t6/bench/timing.h"
#include "t6/cli/flags.h"
#include "t6/cli/program.h"
#include "t6/core/error.h"
#include "t6/core/threads.h"
#include "t6/formats/json.h"
#include "t6/kernels/bfloat_gemm.h"
#include "t6/kernels/gemm.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gemm_speed.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h, which includes this file once for each target.
#include "t6/kernels/simd/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

constexpr int kChains = 12;  // multiply-adds under way at once: more than latency times units of any processor

// Runs `rounds` multiply-adds of a vector in each chain and returns their floating-point operations.
double multiply_adds(int64_t rounds, float* sink) {
  const Floats d;
  Vector sums[kChains];
  T6_UNROLL
  for (int c = 0; c < kChains; ++c) sums[c] = hn::Set(d, *sink + static_cast<float>(c));
  const Vector x = hn::Set(d, 1 - *sink), y = hn::Set(d, *sink);
  for (int64_t i = 0; i < rounds; ++i) {
    T6_UNROLL
    for (int c = 0; c < kChains; ++c) sums[c] = hn::MulAdd(sums[c], x, y);
  }
  T6_UNROLL
  for (int c = 1; c < kChains; ++c) sums[0] = hn::Add(sums[0], sums[c]);
  *sink = hn::GetLane(hn::SumOfLanes(d, sums[0])) * 0;
  return 2.0 * static_cast<double>(rounds) * kChains * static_cast<double>(hn::Lanes(d));
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace t6 {
HWY_EXPORT(multiply_adds);
namespace {

double roof_gflops(const Threads& threads) {
  constexpr int64_t kRounds = 2'000'000;
  std::vector<double> operations(static_cast<size_t>(threads.count()));
  const auto work = [&] {
    threads.parallel_for(threads.count(), 1, [&](int64_t begin, int64_t) {
      float sink = 0;
      operations[static_cast<size_t>(begin)] = HWY_DYNAMIC_DISPATCH(multiply_adds)(kRounds, &sink);
    });
  };
  const double seconds = time_runs(work).best_s;
  double total = 0;
  for (const double each : operations) total += each;
  return total / seconds / 1e9;
}

// A processor's own bfloat16 products are two multiply-adds of float32 in one.
double roof_of(const Threads& threads, bool bfloats) {
  return roof_gflops(threads) * (bfloats && has_bfloat_products() ? 2 : 1);
}

// A product of bfloat16 numbers that lie where `product` has its own, with a float32 result.
void multiply_bfloats(Context& context, const Gemm& p) {
  bfloat_gemm(context, {.a = {.numbers = p.a, .transposed = p.transpose_a},
                        .b = {.numbers = p.b, .transposed = p.transpose_b},
                        .c = p.c,
                        .c_type = NumberType::f32,
                        .M = p.M,
                        .N = p.N,
                        .K = p.K});
}

void run(int threads, double least_s, bool bfloats) {
  Context context(threads);
  const double roof = roof_of(context.threads(), bfloats);
  struct Shape {
    int64_t M, N, K;
  };
  for (const auto& [M, N, K] : {Shape{2048, 2048, 2048},
                                {512, 2048, 768},
                                {512, 768, 2048},
                                {512, 768, 2176},
                                {512, 768, 768},
                                {512, 384, 768},
                                {512, 204, 768},
                                {512, 68, 768},
                                {768, 2048, 512},
                                {2048, 768, 512},
                                {512, 50304, 768}}) {
    const std::vector<float> a(static_cast<size_t>(M * K), 0.5f), b(static_cast<size_t>(N * K), 0.25f);
    std::vector<float> c(static_cast<size_t>(M * N));
    Json row = {{"M", M}, {"N", N}, {"K", K}, {"threads", threads}, {"roof_gflops", roof}};
    for (const auto& [form, transpose_a, transpose_b] :
         {std::tuple{"nn", false, false}, {"nt", false, true}, {"tn", true, false}}) {
      const Gemm product = {.a = a.data(),
                            .b = b.data(),
                            .c = c.data(),
                            .M = M,
                            .N = N,
                            .K = K,
                            .transpose_a = transpose_a,
                            .transpose_b = transpose_b};
      const double seconds =
          time_runs([&] { bfloats ? multiply_bfloats(context, product) : gemm(context, product); }, least_s).best_s;
      const double gflops = 2 * static_cast<double>(M * N) * static_cast<double>(K) / seconds / 1e9;
      row[fmt::format("{}_gflops", form)] = gflops;
      row[fmt::format("{}_roof_percent", form)] = 100 * gflops / roof;
    }
    fmt::print("{}\n", row.dump());
  }
}

}  // namespace
}  // namespace t6

int main(int argc, char** argv) {
  CLI::App app("Speed of the float32 or bfloat16 matrix product");
  int threads = 1;
  double seconds = 0.5;
  bool bfloats = false;
  t6::add_threads_flag(app, threads);
  app.add_option("--seconds", seconds, "How long each product is timed; the best run counts")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_flag("--bfloat16", bfloats, "Products of bfloat16 numbers with float32 sums");
  app.callback([&] { t6::run(threads, seconds, bfloats); });
  return t6::run_program(app, argc, argv);
}
#endif  // HWY_ONCE
