#include "t6/numbers/cache_page.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "t6/core/error.h"
#include "t6/core/random.h"
#include "t6/numbers/half.h"

namespace t6 {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(CacheTypes, HaveNames) {
  for (const CacheType& cache : kCacheTypes) {
    EXPECT_EQ(parse_cache_type(cache.name), cache.type);
    EXPECT_EQ(cache_type_name(cache.type), cache.name);
    EXPECT_THAT([] { parse_cache_type("int3"); }, ThrowsMessage<Error>(HasSubstr(std::string(cache.name))));
    NumberType called = NumberType::boolean;
    with_cache_type(cache.type, [&](auto type) { called = type(); });
    EXPECT_EQ(called, cache.type);
  }
  EXPECT_THAT([] { cache_type_name(NumberType::q8_0); }, ThrowsMessage<Error>(HasSubstr("a cache cannot store Q8_0")));
}

// What rounding may do to a number whose vector's largest magnitude is `largest`. Of scales the least bfloat16 that is
// large enough is taken, 2^-7 above what it could be.
float most_error(const CacheType& cache, float number, float largest) {
  if (cache.type == NumberType::bf16) return std::abs(number) / 256;
  if (cache.type == NumberType::f16) return std::max(std::abs(number) / 2048, 3e-8f);  // of subnormal ones 2^-25
  if (cache.largest == 0) return 0;
  return largest / static_cast<float>(cache.largest) * (1 + 1.0f / 128) / 2;
}

// A stream of `vectors` vectors, tokens in any order, each with other numbers, between bytes that nobody may touch.
void check_stream(const CacheType& cache, int64_t vectors, int64_t width, bool token_rows) {
  PagedStream stream = {.type = cache.type, .token_rows = token_rows, .vectors = vectors, .width = width};
  const int64_t size = stream.place(100);
  EXPECT_EQ(stream.offset % 64, 0);
  std::vector<std::byte> page(static_cast<size_t>(size) + 64, std::byte{0xA5});
  const auto count = static_cast<size_t>(vectors * width);
  Random random(static_cast<uint64_t>(width));
  std::vector<float> written(count * kPageTokens), read(count);
  for (float& number : written) number = static_cast<float>(2 * random.uniform() - 1);
  const auto of_slot = [&](int64_t slot) { return written.data() + static_cast<size_t>(slot) * count; };
  std::fill_n(of_slot(5), count, 0.0f);
  for (int64_t i = 0; i < kPageTokens; ++i) {
    const int64_t slot = i * 37 % kPageTokens;
    write_token(stream, page.data(), slot, of_slot(slot));
  }
  for (int64_t slot = 0; slot < kPageTokens; ++slot) {
    read_token(stream, page.data(), slot, read.data());
    for (size_t i = 0; i < count; ++i) {
      const float* vector = of_slot(slot) + i / static_cast<size_t>(width) * static_cast<size_t>(width);
      float largest = 0;
      for (int64_t j = 0; j < width; ++j) largest = std::max(largest, std::abs(vector[j]));
      ASSERT_LE(std::abs(read[i] - of_slot(slot)[i]), most_error(cache, of_slot(slot)[i], largest)) << slot << " " << i;
    }
  }
  const auto begin = page.begin();
  EXPECT_THAT(std::vector(begin, begin + stream.offset), Each(std::byte{0xA5}));
  EXPECT_THAT(std::vector(begin + stream.offset + stream.bytes(), begin + stream.scale_offset), Each(std::byte{0xA5}));
  EXPECT_THAT(std::vector(begin + size, page.end()), Each(std::byte{0xA5}));
}

TEST(CachePages, GiveTokensBack) {
  for (const CacheType& cache : kCacheTypes) {
    for (const int64_t width : {1, 5, 16, 31, 32, 33, 100}) {
      for (const bool token_rows : {false, true}) {
        SCOPED_TRACE(fmt::format("{} width {} rows {}", cache.name, width, token_rows));
        check_stream(cache, 3, width, token_rows);
      }
    }
  }
}

TEST(CachePages, CountBytes) {
  const auto bytes = [](NumberType type, bool token_rows, int64_t width) {
    const PagedStream stream = {.type = type, .token_rows = token_rows, .vectors = 2, .width = width};
    return std::pair(stream.bytes(), stream.scale_bytes());
  };
  EXPECT_EQ(bytes(NumberType::f32, true, 10), std::pair(2 * 64 * 10 * 4L, 0L));
  EXPECT_EQ(bytes(NumberType::i8, true, 10), std::pair(2 * 64 * 10L, 2 * 64 * 2L));
  EXPECT_EQ(bytes(NumberType::i4, false, 10), std::pair(2 * 10 * 32L, 2 * 64 * 2L));
  EXPECT_EQ(bytes(NumberType::i4, true, 32), std::pair(2 * 64 * 16L, 2 * 64 * 2L));
  EXPECT_EQ(bytes(NumberType::i4, true, 33), std::pair(2 * 64 * 32L, 2 * 64 * 2L));  // rows of whole blocks
}

}  // namespace
}  // namespace t6
