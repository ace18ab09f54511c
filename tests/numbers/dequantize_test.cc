#include "t6/numbers/dequantize.h"

#include <gmock/gmock.h>

#include <cmath>

#include "t6/core/error.h"
#include "t6/formats/safetensors.h"
#include "tests/source_dir.h"

namespace t6 {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

// All types that GGUF has.
constexpr NumberType kAll[] = {
    NumberType::f32,     NumberType::f16,   NumberType::bf16,    NumberType::q8_0,   NumberType::q4_0,
    NumberType::q4_1,    NumberType::q5_0,  NumberType::q5_1,    NumberType::q4_k,   NumberType::q5_k,
    NumberType::q6_k,    NumberType::q2_k,  NumberType::q3_k,    NumberType::iq4_nl, NumberType::iq4_xs,
    NumberType::mxfp4,   NumberType::iq3_s, NumberType::iq3_xxs, NumberType::iq2_s,  NumberType::iq2_xs,
    NumberType::iq2_xxs, NumberType::iq1_s, NumberType::iq1_m,   NumberType::tq1_0,  NumberType::tq2_0};

// A sum of two products, which may be rounded once less.
constexpr bool adds(NumberType type) {
  return type == NumberType::q4_1 || type == NumberType::q5_1 || type == NumberType::q4_k || type == NumberType::q5_k ||
         type == NumberType::q2_k;
}

// tests/numbers/make_gguf_blocks.py made the file by the Python package gguf.
TEST(GgufBlocks, AreDequantizedAsTheirMakersDo) {
  const SafetensorsFile file(source_dir() / "tests/numbers/gguf_blocks.safetensors");
  for (const NumberType type : kAll) {
    const std::string name(number_type_name(type));
    const TensorView& blocks = file.at(name + ".blocks");
    const TensorView& numbers = file.at(name + ".numbers");
    const std::vector<float> wanted = dequantize(numbers);
    std::vector<float> found(wanted.size());
    dequantize(type, blocks.bytes, found);
    for (size_t i = 0; i < wanted.size(); ++i) {
      const double error = adds(type) ? 1e-6 * (1 + std::abs(wanted[i])) : 0;
      ASSERT_NEAR(found[i], wanted[i], error) << name << " " << i;
    }
  }
}

TEST(GgufBlocks, WantWholeBlocks) {
  const std::vector<std::byte> bytes(35);
  std::vector<float> numbers(32);
  EXPECT_THAT([&] { dequantize(NumberType::q8_0, bytes, numbers); },
              ThrowsMessage<Error>(HasSubstr("35 bytes of Q8_0 do not hold 32 numbers")));
  numbers.resize(31);
  EXPECT_THROW(dequantize(NumberType::q8_0, std::span(bytes).first(34), numbers), Error);
}

TEST(Dequantize, RefusesWhatIsNotReadAsFloats) {
  const std::vector<std::byte> bytes(16);
  for (const NumberType type : {NumberType::i64, NumberType::f64}) {
    EXPECT_THAT([&] { dequantize({type, {2}, bytes}); }, ThrowsMessage<Error>(HasSubstr("are not read as float32")));
  }
}

}  // namespace
}  // namespace t6
