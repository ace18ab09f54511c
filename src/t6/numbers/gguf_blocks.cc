#include "t6/numbers/gguf_blocks.h"

#include <algorithm>
#include <cstring>

#include "t6/core/error.h"
#include "t6/numbers/half.h"

namespace t6 {
namespace {

// Blocks of 32. Of 4-bit values, number i is in the low half of values[i], number 16 + i in the high half; the fifth
// bit of number i, where there is one, is bit i of `high`.
struct BlockQ4_0 {
  uint16_t scale;  // float16, as every uint16 below
  uint8_t values[16];
};
struct BlockQ4_1 {
  uint16_t scale, minimum;
  uint8_t values[16];
};
struct BlockQ5_0 {
  uint16_t scale;
  uint8_t high[4], values[16];
};
struct BlockQ5_1 {
  uint16_t scale, minimum;
  uint8_t high[4], values[16];
};
struct BlockQ8_0 {
  uint16_t scale;
  int8_t values[32];
};
// Blocks of 256.
struct BlockQ5K {
  uint16_t scale, minimum;
  uint8_t scales[12];
  uint8_t high[32];  // bit g of byte i: the fifth bit of number i of group g
  uint8_t values[128];
};
struct BlockQ6K {
  uint8_t low[128], high[64];  // four bits and two
  int8_t scales[16];           // of 16 numbers each
  uint16_t scale;
};

constexpr GgufTypeInfo kTypes[] = {{GgufType::f32, "F32", 1, 4},
                                   {GgufType::f16, "F16", 1, 2},
                                   {GgufType::q4_0, "Q4_0", 32, sizeof(BlockQ4_0)},
                                   {GgufType::q4_1, "Q4_1", 32, sizeof(BlockQ4_1)},
                                   {GgufType::q5_0, "Q5_0", 32, sizeof(BlockQ5_0)},
                                   {GgufType::q5_1, "Q5_1", 32, sizeof(BlockQ5_1)},
                                   {GgufType::q8_0, "Q8_0", 32, sizeof(BlockQ8_0)},
                                   {GgufType::q4_k, "Q4_K", 256, sizeof(GgufBlockQ4K)},
                                   {GgufType::q5_k, "Q5_K", 256, sizeof(BlockQ5K)},
                                   {GgufType::q6_k, "Q6_K", 256, sizeof(BlockQ6K)},
                                   {GgufType::bf16, "BF16", 1, 2}};
static_assert(sizeof(BlockQ4_0) == 18 && sizeof(BlockQ4_1) == 20 && sizeof(BlockQ5_0) == 22);
static_assert(sizeof(BlockQ5_1) == 24 && sizeof(BlockQ8_0) == 34 && sizeof(BlockQ5K) == 176 && sizeof(BlockQ6K) == 210);

struct OtherType {
  uint32_t code;
  std::string_view name;
};
constexpr OtherType kOtherTypes[] = {
    {9, "Q8_1"},   {10, "Q2_K"},   {11, "Q3_K"},  {15, "Q8_K"},  {16, "IQ2_XXS"}, {17, "IQ2_XS"}, {18, "IQ3_XXS"},
    {19, "IQ1_S"}, {20, "IQ4_NL"}, {21, "IQ3_S"}, {22, "IQ2_S"}, {23, "IQ4_XS"},  {24, "I8"},     {25, "I16"},
    {26, "I32"},   {27, "I64"},    {28, "F64"},   {29, "IQ1_M"}, {34, "TQ1_0"},   {35, "TQ2_0"},  {39, "MXFP4"}};

// The packing of eight 6-bit pairs into 12 bytes.
GgufScales unpack_scales(const uint8_t* packed, int index) {
  if (index < 4) return {static_cast<uint8_t>(packed[index] & 63), static_cast<uint8_t>(packed[index + 4] & 63)};
  return {static_cast<uint8_t>((packed[index + 4] & 15) | (packed[index - 4] >> 6 << 4)),
          static_cast<uint8_t>((packed[index + 4] >> 4) | (packed[index] >> 6 << 4))};
}

int nibble(const uint8_t* values, int index) { return index < 16 ? values[index] & 15 : values[index - 16] >> 4; }

int fifth_bit(const uint8_t* high, int index) { return (high[index / 8] >> (index % 8) & 1) << 4; }

void decode(const BlockQ4_0& block, float* out) {
  const float scale = float_from_float16(block.scale);
  for (int i = 0; i < 32; ++i) out[i] = scale * static_cast<float>(nibble(block.values, i) - 8);
}

void decode(const BlockQ4_1& block, float* out) {
  const float scale = float_from_float16(block.scale), minimum = float_from_float16(block.minimum);
  for (int i = 0; i < 32; ++i) out[i] = scale * static_cast<float>(nibble(block.values, i)) + minimum;
}

void decode(const BlockQ5_0& block, float* out) {
  const float scale = float_from_float16(block.scale);
  for (int i = 0; i < 32; ++i) {
    out[i] = scale * static_cast<float>((nibble(block.values, i) | fifth_bit(block.high, i)) - 16);
  }
}

void decode(const BlockQ5_1& block, float* out) {
  const float scale = float_from_float16(block.scale), minimum = float_from_float16(block.minimum);
  for (int i = 0; i < 32; ++i) {
    out[i] = scale * static_cast<float>(nibble(block.values, i) | fifth_bit(block.high, i)) + minimum;
  }
}

void decode(const BlockQ8_0& block, float* out) {
  const float scale = float_from_float16(block.scale);
  for (int i = 0; i < 32; ++i) out[i] = scale * static_cast<float>(block.values[i]);
}

// Number i of group g, without a fifth bit.
int group_nibble(const uint8_t* values, int g, int i) { return values[g / 2 * 32 + i] >> (g % 2 * 4) & 15; }

void decode(const GgufBlockQ4K& block, float* out) {
  const float all = float_from_float16(block.scale), all_minimum = float_from_float16(block.minimum);
  for (int g = 0; g < 8; ++g) {
    const GgufScales scales = block.group(g);
    const float scale = all * static_cast<float>(scales.scale), minimum = all_minimum * scales.minimum;
    for (int i = 0; i < 32; ++i) *out++ = scale * static_cast<float>(group_nibble(block.values, g, i)) - minimum;
  }
}

void decode(const BlockQ5K& block, float* out) {
  const float all = float_from_float16(block.scale), all_minimum = float_from_float16(block.minimum);
  for (int g = 0; g < 8; ++g) {
    const GgufScales scales = unpack_scales(block.scales, g);
    const float scale = all * static_cast<float>(scales.scale), minimum = all_minimum * scales.minimum;
    for (int i = 0; i < 32; ++i) {
      const int value = group_nibble(block.values, g, i) | (block.high[i] >> g & 1) << 4;
      *out++ = scale * static_cast<float>(value) - minimum;
    }
  }
}

// Halves of 128 numbers, four runs of 32 in each: runs 0 and 1 are the low nibbles of 64 bytes, runs 2 and 3 the high
// ones; two more bits of run r are bits 2r and 2r + 1 of 32 bytes.
void decode(const BlockQ6K& block, float* out) {
  const float all = float_from_float16(block.scale);
  for (int half = 0; half < 2; ++half) {
    const uint8_t *low = block.low + 64 * half, *high = block.high + 32 * half;
    for (int run = 0; run < 4; ++run) {
      for (int i = 0; i < 32; ++i) {
        const int four = low[run % 2 * 32 + i] >> (run / 2 * 4) & 15, two = high[i] >> (2 * run) & 3;
        const float scale = all * static_cast<float>(block.scales[8 * half + 2 * run + i / 16]);
        *out++ = scale * static_cast<float>((four | two << 4) - 32);
      }
    }
  }
}

template <typename Block>
void decode_blocks(std::span<const std::byte> bytes, std::span<float> out) {
  const size_t count = bytes.size() / sizeof(Block), numbers = count == 0 ? 0 : out.size() / count;
  for (size_t i = 0; i < count; ++i) {
    Block block;
    std::memcpy(&block, bytes.data() + i * sizeof(Block), sizeof(Block));
    decode(block, out.data() + i * numbers);
  }
}

template <float (*convert)(uint16_t)>
void decode_halves(std::span<const std::byte> bytes, std::span<float> out) {
  for (size_t i = 0; i < out.size(); ++i) {
    uint16_t half = 0;
    std::memcpy(&half, bytes.data() + 2 * i, 2);
    out[i] = convert(half);
  }
}

}  // namespace

const GgufTypeInfo& gguf_type_info(GgufType type) {
  return *std::find_if(std::begin(kTypes), std::end(kTypes),
                       [&](const GgufTypeInfo& info) { return info.type == type; });
}

std::optional<GgufType> gguf_type_from_code(uint32_t code) {
  for (const GgufTypeInfo& info : kTypes) {
    if (static_cast<uint32_t>(info.type) == code) return info.type;
  }
  return std::nullopt;
}

std::string_view gguf_type_name(uint32_t code) {
  if (const auto type = gguf_type_from_code(code)) return gguf_type_info(*type).name;
  for (const OtherType& other : kOtherTypes) {
    if (other.code == code) return other.name;
  }
  return "unknown";
}

std::string gguf_types() {
  std::string list;
  for (const GgufTypeInfo& info : kTypes) list.append(list.empty() ? "" : ", ").append(info.name);
  return list;
}

GgufScales GgufBlockQ4K::group(int index) const { return unpack_scales(scales, index); }

void dequantize(GgufType type, std::span<const std::byte> bytes, std::span<float> out) {
  const GgufTypeInfo& info = gguf_type_info(type);
  require(bytes.size() % static_cast<size_t>(info.bytes) == 0 &&
              bytes.size() / static_cast<size_t>(info.bytes) * static_cast<size_t>(info.numbers) == out.size(),
          "{} bytes of {} do not hold {} numbers", bytes.size(), info.name, out.size());
  switch (type) {
    case GgufType::f32:
      if (!out.empty()) std::memcpy(out.data(), bytes.data(), bytes.size());
      return;
    case GgufType::f16:
      return decode_halves<float_from_float16>(bytes, out);
    case GgufType::bf16:
      return decode_halves<float_from_bfloat16>(bytes, out);
    case GgufType::q4_0:
      return decode_blocks<BlockQ4_0>(bytes, out);
    case GgufType::q4_1:
      return decode_blocks<BlockQ4_1>(bytes, out);
    case GgufType::q5_0:
      return decode_blocks<BlockQ5_0>(bytes, out);
    case GgufType::q5_1:
      return decode_blocks<BlockQ5_1>(bytes, out);
    case GgufType::q8_0:
      return decode_blocks<BlockQ8_0>(bytes, out);
    case GgufType::q4_k:
      return decode_blocks<GgufBlockQ4K>(bytes, out);
    case GgufType::q5_k:
      return decode_blocks<BlockQ5K>(bytes, out);
    case GgufType::q6_k:
      return decode_blocks<BlockQ6K>(bytes, out);
  }
}

}  // namespace t6
