#include "t6/kernels/pointwise.h"

#include <cmath>
#include <numbers>

#include "t6/kernels/matmul.h"
#include "t6/kernels/reference/pointwise.h"
#include "t6/numbers/half.h"
#include "tests/context.h"
#include "tests/kernels/kernel_test.h"

namespace t6 {
namespace {

using ::testing::IsNan;

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

std::vector<float> wide_floats(int64_t count, uint64_t seed) {
  auto numbers = random_floats(count, seed, 0);
  for (float& x : numbers) x *= 20;
  numbers[0] = 300, numbers[1] = -300, numbers[2] = -1e30f;
  return numbers;
}

TEST(Pointwise, GatesAgreeWithTheirFormulas) {
  on_every_target([] {
    for (const int64_t count : {3, 16, 37, 70'001}) {
      const auto x = wide_floats(count, 1), gate = wide_floats(count, 2);
      std::vector<double> logistics, sigmoids, silus, gelus;
      for (size_t i = 0; i < x.size(); ++i) {
        logistics.push_back(logistic(x[i]));
        sigmoids.push_back(x[i] * logistic(gate[i]));
        silus.push_back(gate[i] * logistic(gate[i]) * x[i]);
        const double y = std::sqrt(2 / std::numbers::pi) * (gate[i] + 0.044715 * std::pow(double{gate[i]}, 3));
        gelus.push_back(0.5 * gate[i] * (1 + std::tanh(y)) * x[i]);
      }
      auto y = x;
      sigmoid(y.data(), count);
      EXPECT_LT(largest_error(y, logistics), 1e-6);
      y = x;
      sigmoid_gate(test_context(), gate.data(), y.data(), count);
      EXPECT_LT(largest_error(y, sigmoids), 1e-6);
      y = gate;
      apply_gate(test_context(), Gate::silu, y.data(), x.data(), count);
      EXPECT_LT(largest_error(y, silus), 1e-6);
      y = gate;
      apply_gate(test_context(), Gate::gelu_tanh, y.data(), x.data(), count);
      EXPECT_LT(largest_error(y, gelus), 1e-6);
    }
  });
}

TEST(Pointwise, RmsNormAgreesWithTheReference) {
  on_every_target([] {
    for (const int64_t width : {1, 5, 16, 50}) {
      const int64_t rows = 7, stride = width + 3;
      const auto x = random_floats(rows * stride, 1), weight = random_floats(width, 2);
      std::vector<float> out(static_cast<size_t>(rows * width));
      for (const float* scale : {weight.data(), static_cast<const float*>(nullptr)}) {
        const RmsNorm norm = {.x = x.data(),
                              .weight = scale,
                              .out = out.data(),
                              .rows = rows,
                              .width = width,
                              .x_stride = stride,
                              .epsilon = 1e-3f};
        rms_norm(test_context(), norm);
        EXPECT_LT(largest_error(out, rms_norm_reference(norm)), 1e-6) << width;
      }
    }
  });
}

TEST(Pointwise, RmsNormLeavesTilesOfTheSameNumbers) {
  on_every_target([] {
    if (!has_bfloat_matmul()) return;
    for (const int64_t rows : {1, 32, 45}) {
      const int64_t width = 96, stride = 100;
      const auto x = random_floats(rows * stride, 1), weight = random_floats(width, 2);
      for (const float* scale : {weight.data(), static_cast<const float*>(nullptr)}) {
        std::vector<float> out(static_cast<size_t>(rows * width));
        std::vector<uint16_t> tiles(static_cast<size_t>(tiled_numbers(rows, width)), 0x7fc0);
        RmsNorm norm = {
            .x = x.data(), .weight = scale, .rows = rows, .width = width, .x_stride = stride, .epsilon = 1e-3f};
        norm.out = out.data();
        rms_norm(test_context(), norm);
        norm.tiles = tiles.data();
        norm.out = nullptr;
        rms_norm(test_context(), norm);
        for (int64_t i = 0; i < rows * width; ++i) {
          const auto place = static_cast<size_t>(place_in_tiles(i / width, i % width, width));
          ASSERT_EQ(tiles[place], bfloat16_from_float(out[static_cast<size_t>(i)])) << i;
        }
      }
    }
  });
}

TEST(Pointwise, RmsNormIsAdded) {
  on_every_target([] {
    const auto x = random_floats(3 * 21, 1);
    auto out = random_floats(3 * 21, 2, 0);
    const RmsNorm norm = {
        .x = x.data(), .out = out.data(), .rows = 3, .width = 21, .epsilon = 1e-6f, .accumulate = true};
    std::vector<double> wanted = rms_norm_reference(norm);
    rms_norm(test_context(), norm);
    EXPECT_LT(largest_error(out, wanted), 1e-6);
  });
}

TEST(Pointwise, RmsNormWorksInPlaceAndKeepsToItsColumns) {
  auto x = random_floats(4 * 9, 1, 0);
  const auto before = x;
  const RmsNorm norm = {
      .x = x.data(), .out = x.data(), .rows = 4, .width = 7, .x_stride = 9, .out_stride = 9, .epsilon = 1e-6f};
  const auto wanted = rms_norm_reference(norm);
  rms_norm(test_context(), norm);
  for (size_t i = 0; i < x.size(); ++i) {
    if (i % 9 < 7) {
      EXPECT_NEAR(x[i], wanted[i / 9 * 7 + i % 9], 1e-6);
    } else {
      EXPECT_EQ(x[i], before[i]);
    }
  }
}

TEST(Pointwise, SoftmaxRunsAlongItsAxis) {
  const int64_t outer = 3, count = 4, stride = 5;
  auto x = random_floats(outer * count * stride, 1, 0);
  x[0] = 200;  // e^200 does not fit
  std::vector<double> wanted(x.size());
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t i = 0; i < stride; ++i) {
      double sum = 0;
      const auto at = [&](int64_t c) { return static_cast<size_t>((o * count + c) * stride + i); };
      for (int64_t c = 0; c < count; ++c) sum += std::exp(double{x[at(c)]});
      for (int64_t c = 0; c < count; ++c) wanted[at(c)] = std::exp(double{x[at(c)]}) / sum;
    }
  }
  softmax(x.data(), outer, count, stride);
  EXPECT_LT(largest_error(x, wanted), 1e-6);
}

TEST(Pointwise, LogSumExpNeitherOverflowsNorReadsOn) {
  on_every_target([] {
    for (const int64_t count : {1, 15, 16, 257}) {
      auto x = random_floats(count, 1);
      for (int64_t i = 0; i < count; ++i) x[static_cast<size_t>(i)] += 500;
      double sum = 0;
      for (int64_t i = 0; i < count; ++i) sum += std::exp(double{x[static_cast<size_t>(i)]} - 500);
      EXPECT_NEAR(log_sum_exp(x.data(), count), 500 + std::log(sum), 1e-5) << count;
    }
    EXPECT_THAT(log_sum_exp(std::vector<float>(20, kNaN).data(), 20), IsNan());
  });
}

}  // namespace
}  // namespace t6
