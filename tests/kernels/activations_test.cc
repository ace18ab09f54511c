#include "t6/kernels/linear/activations.h"

#include "tests/kernels/kernel_test.h"

namespace t6 {
namespace {

TEST(QuantizeActivations, RoundsAndSumsExactly) {
  on_every_target([] {
    const int64_t rows = 3, columns = 96, stride = 101;
    std::vector<float> x = random_floats(rows * stride, 4);
    std::fill_n(x.begin() + 32, 32, 0.0f);
    std::vector<ActivationBlock> blocks(static_cast<size_t>(rows * columns / 32));
    quantize_activations(test_context(), x.data(), rows, columns, stride, blocks.data());
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t b = 0; b < columns / 32; ++b) {
        const ActivationBlock& block = blocks[static_cast<size_t>(row * columns / 32 + b)];
        const float* from = x.data() + row * stride + b * 32;
        float largest = 0;
        int sum = 0, first = 0;
        for (int i = 0; i < 32; ++i) largest = std::max(largest, std::abs(from[i])), sum += block.values[i];
        EXPECT_FLOAT_EQ(block.scale, largest / 127);
        EXPECT_EQ(block.sum, static_cast<float>(sum));
        EXPECT_EQ(block.offset, -128 * sum);
        for (int i = 0; i < 16; ++i) first += block.values[i];
        EXPECT_EQ(block.half_sums[0], static_cast<float>(first));
        EXPECT_EQ(block.half_sums[1], static_cast<float>(sum - first));
        for (int i = 0; i < 32; ++i) {
          EXPECT_LE(std::abs(from[i] - block.scale * static_cast<float>(block.values[i])), 0.5001f * block.scale);
        }
      }
    }
  });
}

}  // namespace
}  // namespace t6
