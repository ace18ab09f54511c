#include "t6/import/gguf/weights.h"

#include <cmath>
#include <cstring>
#include <vector>

#include "t6/core/error.h"
#include "t6/kernels/quantize.h"
#include "t6/numbers/half.h"

namespace t6 {
namespace {

constexpr int64_t kGrain = 16;  // rows that are worth a thread's start
constexpr float kMaxFloat16 = 65504;

template <typename T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

uint16_t float16_scale(float value) {
  require(std::abs(value) <= kMaxFloat16, "a block's scale is {}, more than float16 holds", value);
  return float16_from_float(value);
}

// Q4_0 is {scale, values} with the nibbles in our order, and 8 stands for zero.
BlockQ4 from_q4_0(const std::byte* from) {
  BlockQ4 block;
  block.scale = load<uint16_t>(from);
  block.minimum = float16_scale(-8 * float_from_float16(block.scale));
  std::memcpy(block.values, from + sizeof(uint16_t), sizeof(block.values));
  return block;
}

BlockQ4 from_q4_k(const GgufBlockQ4K& from, int group) {
  const GgufScales scales = from.group(group);
  BlockQ4 block;
  block.scale = float16_scale(float_from_float16(from.scale) * scales.scale);
  block.minimum = float16_scale(-float_from_float16(from.minimum) * scales.minimum);
  const uint8_t* values = from.values + group / 2 * kWeightBlock;
  const int shift = group % 2 * 4;
  for (int i = 0; i < kWeightBlock / 2; ++i) {
    const int first = values[i] >> shift & 15, second = values[i + kWeightBlock / 2] >> shift & 15;
    block.values[i] = static_cast<uint8_t>(first | second << 4);
  }
  return block;
}

// A row of numbers of another quantized type, as blocks of 8 bits.
void requantize(Context& context, const std::vector<float>& numbers, std::byte* out) {
  quantize(context, WeightType::q8, static_cast<int64_t>(numbers.size()), numbers.data(), out);
  for (size_t i = 0; i < numbers.size() / kWeightBlock; ++i) {
    const float scale = float_from_float16(load<BlockQ8>(out + i * sizeof(BlockQ8)).scale);
    require(std::isfinite(scale), "a block's scale is {}, more than float16 holds", scale);
  }
}

// Rows [begin, end).
void convert_rows(Context& context, GgufType type, const std::byte* from, int64_t columns, std::byte* to, int64_t begin,
                  int64_t end) {
  const GgufTypeInfo& info = gguf_type_info(type);
  const int64_t row_blocks = columns / info.numbers, row_bytes = row_blocks * info.bytes;
  std::byte* out = to + begin * weight_row_bytes(weight_type_of(type), columns);
  const auto put = [&](const auto& block) {
    std::memcpy(out, &block, sizeof(block));
    out += sizeof(block);
  };
  std::vector<float> numbers(static_cast<size_t>(columns));
  for (int64_t row = begin; row < end; ++row) {
    const std::byte* at = from + row * row_bytes;
    if (type == GgufType::q4_0) {
      for (int64_t i = 0; i < row_blocks; ++i) put(from_q4_0(at + i * info.bytes));
    } else if (type == GgufType::q4_k) {
      for (int64_t i = 0; i < row_blocks; ++i) {
        const auto block = load<GgufBlockQ4K>(at + i * info.bytes);
        for (int group = 0; group < info.numbers / kWeightBlock; ++group) put(from_q4_k(block, group));
      }
    } else {
      dequantize(type, {at, static_cast<size_t>(row_bytes)}, numbers);
      requantize(context, numbers, to + row * weight_row_bytes(WeightType::q8, columns));
    }
  }
}

}  // namespace

WeightType weight_type_of(GgufType type) {
  switch (type) {
    case GgufType::f32:
      return WeightType::f32;
    case GgufType::f16:
      return WeightType::f16;
    case GgufType::bf16:
      return WeightType::bf16;
    case GgufType::q4_0:
    case GgufType::q4_1:
    case GgufType::q4_k:
      return WeightType::q4;
    case GgufType::q5_0:
    case GgufType::q5_1:
    case GgufType::q8_0:
    case GgufType::q5_k:
    case GgufType::q6_k:
      return WeightType::q8;
  }
  fail("unknown GGUF type {}", static_cast<uint32_t>(type));
}

bool has_same_bytes(GgufType type) {
  using enum GgufType;
  return type == f32 || type == f16 || type == bf16 || type == q8_0 || type == q4_1;
}

void convert_weights(Context& context, GgufType type, std::span<const std::byte> from, int64_t columns,
                     std::span<std::byte> to) {
  const WeightType wanted = weight_type_of(type);
  const int64_t row_bytes = weight_row_bytes(wanted, columns);
  const int64_t rows = row_bytes > 0 ? static_cast<int64_t>(to.size()) / row_bytes : 0;
  if (has_same_bytes(type)) {
    if (!from.empty()) std::memcpy(to.data(), from.data(), from.size());
    return;
  }
  context.parallel_for(rows, kGrain, [&](int64_t begin, int64_t end) {
    convert_rows(context, type, from.data(), columns, to.data(), begin, end);
  });
}

}  // namespace t6
