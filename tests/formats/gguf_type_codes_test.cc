#include "t6/formats/gguf/type_codes.h"

#include <gmock/gmock.h>

namespace t6 {
namespace {

TEST(GgufTypeCodes, HaveTypesAndNames) {
  EXPECT_EQ(gguf_type_from_code(0), NumberType::f32);
  EXPECT_EQ(gguf_type_from_code(30), NumberType::bf16);
  EXPECT_EQ(gguf_type_from_code(15), std::nullopt);
  EXPECT_EQ(gguf_type_from_code(39), NumberType::mxfp4);
  EXPECT_EQ(gguf_type_name(12), "Q4_K");
  EXPECT_EQ(gguf_type_name(16), "IQ2_XXS");
  EXPECT_EQ(gguf_type_name(9), "Q8_1");
  EXPECT_EQ(gguf_type_name(1000), "unknown");
  EXPECT_EQ(gguf_types(),
            "F32, F16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ2_XXS, IQ2_XS, IQ3_XXS, IQ1_S, "
            "IQ4_NL, IQ3_S, IQ2_S, IQ4_XS, IQ1_M, BF16, TQ1_0, TQ2_0, MXFP4");
}

}  // namespace
}  // namespace t6
