#include "t6/kernels/page_writer.h"

#include <cmath>

#include "tests/kernels/kernel_test.h"

namespace t6 {
namespace {

// Numbers of every size that a type rounds differently: subnormal ones, ties, those that overflow, zeros of both signs.
std::vector<float> factors_of_all_sizes(int64_t count, uint64_t seed) {
  std::vector<float> numbers = random_floats(count, seed);
  Random random(seed + 1);
  for (int64_t i = 0; i < count; ++i) {
    float& number = numbers[static_cast<size_t>(i)];
    if (i % 7 == 0) number = std::ldexp(std::round(number * 4096), static_cast<int>(random.below(30)) - 36);
    if (i % 31 == 0) number *= 1e5f;
    if (i % 37 == 0) number = std::copysign(0.0f, number);
  }
  return numbers;
}

// Tokens [slot, slot + count) written together and one after the other, between bytes that nobody may touch.
void check_tokens(NumberType type, bool token_rows, int64_t vectors, int64_t width, int64_t slot, int64_t count) {
  SCOPED_TRACE(fmt::format("{} rows {} {} x {}, tokens {} + {}", cache_type_name(type), token_rows, vectors, width,
                           slot, count));
  PagedStream stream = {.type = type, .token_rows = token_rows, .vectors = vectors, .width = width};
  const auto size = static_cast<size_t>(stream.place(64));
  std::vector<std::byte> wanted(size, std::byte{0xA5}), got = wanted;
  const std::vector<float> factors = factors_of_all_sizes(count * vectors * width, static_cast<uint64_t>(width + slot));
  for (int64_t t = 0; t < count; ++t) {
    write_token(stream, wanted.data(), slot + t, factors.data() + t * vectors * width);
  }
  write_tokens(stream, got.data(), slot, count, factors.data());
  EXPECT_EQ(got, wanted);
}

TEST(PageWriter, WritesWhatOneTokenAfterTheOtherLeaves) {
  on_every_target([] {
    for (const CacheType& cache : kCacheTypes) {
      for (const bool token_rows : {false, true}) {
        for (const int64_t width : {1, 3, 16, 31, 34, 64, 100}) check_tokens(cache.type, token_rows, 3, width, 0, 64);
        for (const int64_t count : {0, 1, 2, 5, 16, 33}) check_tokens(cache.type, token_rows, 2, 20, 31, count);
        check_tokens(cache.type, token_rows, 1, 64, 59, 5);
      }
    }
  });
}

}  // namespace
}  // namespace t6
