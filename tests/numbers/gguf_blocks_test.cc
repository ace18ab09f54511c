#include "t6/numbers/gguf_blocks.h"

#include <gmock/gmock.h>

#include <cmath>

#include "t6/core/error.h"
#include "t6/formats/safetensors.h"

namespace t6 {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

constexpr GgufType kAll[] = {GgufType::f32,  GgufType::f16,  GgufType::bf16, GgufType::q8_0,
                             GgufType::q4_0, GgufType::q4_1, GgufType::q5_0, GgufType::q5_1,
                             GgufType::q4_k, GgufType::q5_k, GgufType::q6_k};

// tests/numbers/make_gguf_blocks.py made the file by the Python package gguf.
TEST(GgufBlocks, AreDequantizedAsTheirMakersDo) {
  const SafetensorsFile file(std::filesystem::path(T6_SOURCE_DIR) / "tests/numbers/gguf_blocks.safetensors");
  for (const GgufType type : kAll) {
    const std::string name(gguf_type_info(type).name);
    const TensorView& blocks = file.at(name + ".blocks");
    const TensorView& numbers = file.at(name + ".numbers");
    std::vector<float> wanted(static_cast<size_t>(element_count(numbers.shape))), found(wanted.size());
    copy_as_float(numbers, name, wanted);
    dequantize(type, blocks.bytes, found);
    for (size_t i = 0; i < wanted.size(); ++i) {
      // One or two roundings of float32, which may come in another order.
      ASSERT_NEAR(found[i], wanted[i], 1e-6 * (1 + std::abs(wanted[i]))) << name << " " << i;
    }
  }
}

TEST(GgufBlocks, KnowNames) {
  EXPECT_EQ(gguf_type_name(12), "Q4_K");
  EXPECT_EQ(gguf_type_name(16), "IQ2_XXS");
  EXPECT_EQ(gguf_type_name(1000), "unknown");
  EXPECT_EQ(gguf_type_from_code(10), std::nullopt);
  for (const GgufType type : kAll) EXPECT_EQ(gguf_type_from_code(static_cast<uint32_t>(type)), type);
}

TEST(GgufBlocks, WantWholeBlocks) {
  const std::vector<std::byte> bytes(35);
  std::vector<float> numbers(32);
  EXPECT_THAT([&] { dequantize(GgufType::q8_0, bytes, numbers); },
              ThrowsMessage<Error>(HasSubstr("35 bytes of Q8_0 do not hold 32 numbers")));
  numbers.resize(31);
  EXPECT_THROW(dequantize(GgufType::q8_0, std::span(bytes).first(34), numbers), Error);
}

}  // namespace
}  // namespace t6
