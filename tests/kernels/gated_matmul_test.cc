#include "t6/kernels/gated_matmul.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "t6/kernels/matmul.h"
#include "t6/numbers/half.h"
#include "tests/kernels/kernel_test.h"
#include "tests/kernels/random_weight_matrix.h"

namespace t6 {
namespace {

// What reads a prompt without them makes of x: both products and the gate; not rounded.
std::vector<float> in_two_steps(const GatedMatmul& m) {
  const auto room = static_cast<size_t>(m.T * m.gate->rows());
  std::vector<float> gate(room), up(room);
  const Matmul products[] = {{.x = m.x, .w = m.gate, .y = gate.data(), .T = m.T, .bfloats = true},
                             {.x = m.x, .w = m.up, .y = up.data(), .T = m.T, .bfloats = true}};
  matmul(test_context(), products);
  apply_gate(test_context(), m.function, gate.data(), up.data(), m.T * m.gate->rows());
  return gate;
}

std::vector<float> rows_of_tiles(const std::vector<uint16_t>& tiles, int64_t T, int64_t N) {
  std::vector<float> rows;
  for (int64_t i = 0; i < T * N; ++i) {
    rows.push_back(float_from_bfloat16(tiles[static_cast<size_t>(place_in_tiles(i / N, i % N, N))]));
  }
  return rows;
}

// The largest difference, relative to each number.
double largest_relative_error(const std::vector<float>& got, const std::vector<float>& wanted) {
  double largest = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    const double error = std::abs(double{got[i]} - wanted[i]) / std::max(std::abs(double{wanted[i]}), 1e-30);
    if (std::isnan(error)) return error;
    largest = std::max(largest, error);
  }
  return largest;
}

class GatedTypes : public ::testing::TestWithParam<NumberType> {};

TEST_P(GatedTypes, GiveWhatTheirStepsGive) {
  on_every_target([] {
    const int64_t K = 768, N = 512, C = 48;
    const WeightMatrix gate = random_weight_matrix(GetParam(), N, K, 1),
                       up = random_weight_matrix(NumberType::q8_0, N, K, 2),
                       down = random_weight_matrix(GetParam(), C, N, 3);
    if (!can_multiply_gated(gate, up, down)) return;
    for (const Gate function : {Gate::silu, Gate::gelu_tanh}) {
      for (const int64_t T : {1, 31, 33, 515}) {
        const std::vector<float> x = random_floats(T * K, 4);
        std::vector<uint16_t> gated(static_cast<size_t>(tiled_numbers(T, N)), 0x7fc0);  // NaN
        const GatedMatmul product = {
            .x = x.data(), .gate = &gate, .up = &up, .function = function, .T = T, .out = gated.data()};
        std::vector<float> out(static_cast<size_t>(T * C), kNaN), wanted = out;
        {
          const ThreadCount threads(3);
          gated_matmul(test_context(), product);
        }
        const std::vector<float> rows = rows_of_tiles(gated, T, N);
        EXPECT_LT(largest_relative_error(rows, in_two_steps(product)), 1.0 / 256 + 1e-4) << "T " << T;
        matmul(test_context(), {.w = &down, .y = out.data(), .T = T, .bfloats = true, .tiles = gated.data()});
        matmul(test_context(), {.x = rows.data(), .w = &down, .y = wanted.data(), .T = T, .bfloats = true});
        EXPECT_EQ(out, wanted) << "T " << T;
      }
    }
  });
}

INSTANTIATE_TEST_SUITE_P(GatedMatmul, GatedTypes,
                         ::testing::Values(NumberType::bf16, NumberType::q8_0, NumberType::q4_1, NumberType::q4_k,
                                           NumberType::q6_k),
                         [](const auto& test) { return std::string(number_type_info(test.param).name); });

TEST(GatedMatmul, NeedsTilesOfAllThree) {
  const WeightMatrix wide = random_weight_matrix(NumberType::q8_0, 64, 32, 1),
                     floats = random_weight_matrix(NumberType::f32, 64, 32, 2),
                     odd = random_weight_matrix(NumberType::bf16, 48, 32, 3),
                     down = random_weight_matrix(NumberType::q8_0, 32, 64, 4),
                     long_row = random_weight_matrix(NumberType::q8_0, 64, 2048, 5);
  EXPECT_EQ(can_multiply_gated(wide, wide, down), has_bfloat_matmul());
  EXPECT_FALSE(can_multiply_gated(floats, wide, down));
  EXPECT_FALSE(can_multiply_gated(odd, odd, random_weight_matrix(NumberType::bf16, 32, 48, 6)));
  EXPECT_FALSE(can_multiply_gated(long_row, long_row, down));
}

TEST(GatedMatmul, OfNoRowsIsNothing) {
  const WeightMatrix w = random_weight_matrix(NumberType::q8_0, 64, 32, 1);
  gated_matmul(test_context(), {.gate = &w, .up = &w});
}

}  // namespace
}  // namespace t6
