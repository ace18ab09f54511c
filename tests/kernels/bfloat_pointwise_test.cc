#include "t6/kernels/bfloat_pointwise.h"

#include "t6/kernels/reference/bfloat_pointwise.h"
#include "t6/numbers/half.h"
#include "tests/context.h"
#include "tests/kernels/kernel_test.h"

namespace t6 {
namespace {

constexpr double kRounding = 1.0 / 256;  // of a bfloat16 number
constexpr size_t kAfter = 40;            // numbers after the last one

std::vector<uint16_t> random_bfloats(int64_t count, uint64_t seed) {
  std::vector<uint16_t> numbers;
  for (const float number : random_floats(count, seed, kAfter)) numbers.push_back(bfloat16_from_float(4 * number));
  return numbers;
}

// The numbers of `got`, whose end must be as it was.
std::vector<float> read(const std::vector<uint16_t>& got, size_t count) {
  std::vector<float> numbers;
  for (size_t i = 0; i < got.size(); ++i) {
    if (i < count) {
      numbers.push_back(float_from_bfloat16(got[i]));
    } else {
      EXPECT_TRUE(std::isnan(float_from_bfloat16(got[i]))) << i;
    }
  }
  return numbers;
}

std::vector<uint16_t> empty(int64_t count) {
  return std::vector<uint16_t>(static_cast<size_t>(count) + kAfter, bfloat16_from_float(kNaN));
}

TEST(BfloatPointwise, NormsAgreeWithTheReference) {
  on_every_target([] {
    for (const int64_t rows : {0, 1, 5}) {
      for (const int64_t width : {1, 15, 16, 37}) {
        for (const int form : {0, 1, 2, 3}) {
          const int64_t count = rows * width;
          const auto size = static_cast<size_t>(count);
          const std::vector<float> wide = random_floats(count, 1), weight = random_floats(width, 2);
          const std::vector<uint16_t> narrow = random_bfloats(count, 3), d_out = random_bfloats(count, 4);
          std::vector<uint16_t> normed = empty(count), out = empty(count), d_narrow = empty(count);
          std::vector<float> factors(static_cast<size_t>(rows)), d_wide(size);
          const bool from_wide = form % 2 == 0;
          const float* scale = form < 2 ? nullptr : weight.data();
          const BfloatRmsNorm norm = {.x = from_wide ? wide.data() : nullptr,
                                      .bfloats = from_wide ? nullptr : narrow.data(),
                                      .weight = scale,
                                      .normed = normed.data(),
                                      .out = scale ? out.data() : nullptr,
                                      .factors = factors.data(),
                                      .rows = rows,
                                      .width = width,
                                      .epsilon = 1e-5f};
          bfloat_rms_norm(test_context(), norm);
          const NormReference wanted = bfloat_rms_norm_reference(norm);
          EXPECT_LT(largest_error(read(normed, size), wanted.normed), kRounding);
          EXPECT_LT(largest_error(factors, wanted.factors), 1e-6);
          if (scale) {
            EXPECT_LT(largest_error(read(out, size), wanted.out), kRounding);
          }
          const BfloatRmsNormBackward back = {.normed = normed.data(),
                                              .factors = factors.data(),
                                              .weight = scale,
                                              .d_out = d_out.data(),
                                              .d_x = from_wide ? d_wide.data() : nullptr,
                                              .d_bfloats = from_wide ? nullptr : d_narrow.data(),
                                              .rows = rows,
                                              .width = width};
          bfloat_rms_norm_backward(test_context(), back);
          const std::vector<double> gradient = bfloat_rms_norm_backward_reference(back);
          // What is left of one number's gradient is a difference of equal numbers.
          if (width > 1) {
            EXPECT_LT(largest_error(from_wide ? d_wide : read(d_narrow, size), gradient), from_wide ? 1e-5 : kRounding);
          }
        }
      }
    }
  });
}

TEST(BfloatPointwise, GatesAgreeWithTheReference) {
  on_every_target([] {
    for (const bool gelu : {false, true}) {
      for (const int64_t count : {0, 1, 15, 16, 33, 1000}) {
        std::vector<uint16_t> gate = random_bfloats(count, 1);
        const std::vector<uint16_t> up = random_bfloats(count, 2), d_out = random_bfloats(count, 3);
        if (count > 2) gate[1] = bfloat16_from_float(300), gate[2] = bfloat16_from_float(-300);
        const auto size = static_cast<size_t>(count);
        const BfloatGate x = {.gate = gate.data(), .up = up.data(), .count = count, .gelu = gelu};
        std::vector<uint16_t> out = empty(count), d_gate = d_out, d_up = empty(count);
        const GateReference wanted = bfloat_gate_reference(x, d_out.data());
        bfloat_gate(test_context(), x, out.data());
        bfloat_gate_backward(test_context(), x, d_gate.data(), d_gate.data(), d_up.data());
        EXPECT_LT(largest_error(read(out, size), wanted.out), kRounding);
        EXPECT_LT(largest_error(read(d_gate, size), wanted.d_gate), kRounding);
        EXPECT_LT(largest_error(read(d_up, size), wanted.d_up), kRounding);
      }
    }
  });
}

TEST(BfloatPointwise, RotationsAgreeWithTheReference) {
  on_every_target([] {
    for (const int64_t half : {0, 1, 8, 17}) {
      for (const bool inverse : {false, true}) {
        const int64_t tokens = 6, length = 3, ranks = 2, width = 2 * half + 3, count = tokens * ranks * width;
        const std::vector<uint16_t> x = random_bfloats(count, 1);
        const std::vector<float> cosines = random_floats(length * half, 2), sines = random_floats(length * half, 3);
        std::vector<uint16_t> out = empty(count), in_place = x;
        BfloatRotation rotation = {.x = x.data(),
                                   .out = out.data(),
                                   .cos = cosines.data(),
                                   .sin = sines.data(),
                                   .tokens = tokens,
                                   .length = length,
                                   .ranks = ranks,
                                   .width = width,
                                   .half = half,
                                   .inverse = inverse};
        bfloat_rotate(test_context(), rotation);
        EXPECT_LT(largest_error(read(out, static_cast<size_t>(count)), bfloat_rotate_reference(rotation)), kRounding);
        rotation.x = rotation.out = in_place.data();
        bfloat_rotate(test_context(), rotation);
        EXPECT_EQ(read(in_place, static_cast<size_t>(count)), read(out, static_cast<size_t>(count)));
      }
    }
  });
}

}  // namespace
}  // namespace t6
