#include "t6/numbers/dequantize.h"

#include <cstring>

#include "t6/core/error.h"
#include "t6/numbers/blocks.h"
#include "t6/numbers/dequantize/grid_blocks.h"
#include "t6/numbers/dequantize/small_blocks.h"
#include "t6/numbers/stored_number.h"

namespace t6 {
namespace {

// The packing of eight 6-bit pairs into 12 bytes.
GroupScales unpack_scales(const uint8_t* packed, int index) {
  if (index < 4) return {static_cast<uint8_t>(packed[index] & 63), static_cast<uint8_t>(packed[index + 4] & 63)};
  return {static_cast<uint8_t>((packed[index + 4] & 15) | (packed[index - 4] >> 6 << 4)),
          static_cast<uint8_t>((packed[index + 4] >> 4) | (packed[index] >> 6 << 4))};
}

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

void decode(const BlockQ4K& block, float* out) {
  const float all = float_from_float16(block.scale), all_minimum = float_from_float16(block.minimum);
  for (int g = 0; g < 8; ++g) {
    const GroupScales scales = block.group(g);
    const float scale = all * static_cast<float>(scales.scale), minimum = all_minimum * scales.minimum;
    for (int i = 0; i < 32; ++i) *out++ = scale * static_cast<float>(group_nibble(block.values, g, i)) - minimum;
  }
}

void decode(const BlockQ5K& block, float* out) {
  const float all = float_from_float16(block.scale), all_minimum = float_from_float16(block.minimum);
  for (int g = 0; g < 8; ++g) {
    const GroupScales scales = block.group(g);
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

template <NumberType kType>
void load_numbers(std::span<const std::byte> bytes, std::span<float> out) {
  for (size_t i = 0; i < out.size(); ++i) out[i] = load_number<kType>(bytes.data(), static_cast<int64_t>(i));
}

}  // namespace

GroupScales BlockQ4K::group(int index) const { return unpack_scales(scales, index); }
GroupScales BlockQ5K::group(int index) const { return unpack_scales(scales, index); }

void dequantize(NumberType type, std::span<const std::byte> bytes, std::span<float> out) {
  const NumberTypeInfo& info = number_type_info(type);
  require(
      bytes.size() % static_cast<size_t>(info.block_bytes) == 0 &&
          bytes.size() / static_cast<size_t>(info.block_bytes) * static_cast<size_t>(info.block_numbers) == out.size(),
      "{} bytes of {} do not hold {} numbers", bytes.size(), info.name, out.size());
  switch (type) {
    case NumberType::f32:
      return load_numbers<NumberType::f32>(bytes, out);
    case NumberType::bf16:
      return load_numbers<NumberType::bf16>(bytes, out);
    case NumberType::f16:
      return load_numbers<NumberType::f16>(bytes, out);
    case NumberType::q8_0:
      return decode_blocks<BlockQ8_0>(bytes, out);
    case NumberType::q6_k:
      return decode_blocks<BlockQ6K>(bytes, out);
    case NumberType::q5_0:
      return decode_blocks<BlockQ5_0>(bytes, out);
    case NumberType::q5_1:
      return decode_blocks<BlockQ5_1>(bytes, out);
    case NumberType::q5_k:
      return decode_blocks<BlockQ5K>(bytes, out);
    case NumberType::q4_0:
      return decode_blocks<BlockQ4_0>(bytes, out);
    case NumberType::q4_1:
      return decode_blocks<BlockQ4_1>(bytes, out);
    case NumberType::q4_k:
      return decode_blocks<BlockQ4K>(bytes, out);
    case NumberType::q2_k:
      return decode_blocks<BlockQ2K>(bytes, out);
    case NumberType::q3_k:
      return decode_blocks<BlockQ3K>(bytes, out);
    case NumberType::iq4_nl:
      return decode_blocks<BlockIQ4NL>(bytes, out);
    case NumberType::iq4_xs:
      return decode_blocks<BlockIQ4XS>(bytes, out);
    case NumberType::mxfp4:
      return decode_blocks<BlockMXFP4>(bytes, out);
    case NumberType::iq3_s:
      return decode_blocks<BlockIQ3S>(bytes, out);
    case NumberType::iq3_xxs:
      return decode_blocks<BlockIQ3XXS>(bytes, out);
    case NumberType::iq2_s:
      return decode_blocks<BlockIQ2S>(bytes, out);
    case NumberType::iq2_xs:
      return decode_blocks<BlockIQ2XS>(bytes, out);
    case NumberType::iq2_xxs:
      return decode_blocks<BlockIQ2XXS>(bytes, out);
    case NumberType::iq1_s:
      return decode_blocks<BlockIQ1S>(bytes, out);
    case NumberType::iq1_m:
      return decode_blocks<BlockIQ1M>(bytes, out);
    case NumberType::tq1_0:
      return decode_blocks<BlockTQ1>(bytes, out);
    case NumberType::tq2_0:
      return decode_blocks<BlockTQ2>(bytes, out);
    default:
      fail("numbers of the type {} are not read as float32", info.name);
  }
}

std::vector<float> dequantize(const TensorView& tensor) {
  std::vector<float> numbers(static_cast<size_t>(element_count(tensor.shape)));
  if (tensor.paired_rows == 0) {
    dequantize(tensor.type, tensor.bytes, numbers);
    return numbers;
  }
  const auto rows = static_cast<size_t>(tensor.shape.front());
  const size_t columns = numbers.size() / rows, bytes = tensor.bytes.size() / rows;
  for (size_t row = 0; row < rows; ++row) {
    const auto from = static_cast<size_t>(stored_row(tensor, static_cast<int64_t>(row)));
    dequantize(tensor.type, tensor.bytes.subspan(from * bytes, bytes),
               std::span(numbers).subspan(row * columns, columns));
  }
  return numbers;
}

}  // namespace t6
