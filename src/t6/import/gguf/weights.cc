#include "t6/import/gguf/weights.h"

#include <cmath>
#include <cstring>
#include <vector>

#include "t6/core/error.h"
#include "t6/import/import.h"
#include "t6/kernels/quantize.h"
#include "t6/numbers/blocks.h"
#include "t6/numbers/dequantize.h"
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
BlockQ4_1 from_q4_0(const std::byte* from) {
  BlockQ4_1 block;
  block.scale = load<uint16_t>(from);
  block.minimum = float16_scale(-8 * float_from_float16(block.scale));
  std::memcpy(block.values, from + sizeof(uint16_t), sizeof(block.values));
  return block;
}

BlockQ4_1 from_q4_k(const BlockQ4K& from, int group) {
  const GroupScales scales = from.group(group);
  BlockQ4_1 block;
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
  quantize(context, NumberType::q8_0, static_cast<int64_t>(numbers.size()), numbers.data(), out);
  for (size_t i = 0; i < numbers.size() / kWeightBlock; ++i) {
    const float scale = float_from_float16(load<BlockQ8_0>(out + i * sizeof(BlockQ8_0)).scale);
    require(std::isfinite(scale), "a block's scale is {}, more than float16 holds", scale);
  }
}

// Rows [begin, end).
void convert_rows(Context& context, NumberType type, const std::byte* from, int64_t columns, std::byte* to,
                  int64_t begin, int64_t end) {
  const NumberTypeInfo& info = number_type_info(type);
  const int64_t row_blocks = columns / info.block_numbers, row_bytes = row_blocks * info.block_bytes;
  std::byte* out = to + begin * stored_bytes(weight_type_of(type), columns);
  const auto put = [&](const auto& block) {
    std::memcpy(out, &block, sizeof(block));
    out += sizeof(block);
  };
  std::vector<float> numbers(static_cast<size_t>(columns));
  for (int64_t row = begin; row < end; ++row) {
    const std::byte* at = from + row * row_bytes;
    if (type == NumberType::q4_0) {
      for (int64_t i = 0; i < row_blocks; ++i) put(from_q4_0(at + i * info.block_bytes));
    } else if (type == NumberType::q4_k) {
      for (int64_t i = 0; i < row_blocks; ++i) {
        const auto block = load<BlockQ4K>(at + i * info.block_bytes);
        for (int group = 0; group < info.block_numbers / kWeightBlock; ++group) put(from_q4_k(block, group));
      }
    } else {
      dequantize(type, {at, static_cast<size_t>(row_bytes)}, numbers);
      requantize(context, numbers, to + row * stored_bytes(NumberType::q8_0, columns));
    }
  }
}

template <typename Block>
void require_finite_scales(std::span<const std::byte> blocks) {
  for (size_t at = 0; at < blocks.size(); at += sizeof(Block)) {
    const auto block = load<Block>(blocks.data() + at);
    float largest = std::abs(float_from_float16(block.scale));
    if constexpr (requires { block.minimum; }) largest += std::abs(float_from_float16(block.minimum));
    require(std::isfinite(largest), "a block's scale is {}, more than float16 holds", largest);
  }
}

// A row as it is; of the K types, whose numbers no one else looks at, with a look at the scales.
void copy_row(std::span<const std::byte> row, NumberType type, std::byte* to) {
  std::memcpy(to, row.data(), row.size());
  switch (type) {
    case NumberType::q2_k:
      return require_finite_scales<BlockQ2K>(row);
    case NumberType::q3_k:
      return require_finite_scales<BlockQ3K>(row);
    case NumberType::q4_k:
      return require_finite_scales<BlockQ4K>(row);
    case NumberType::q5_k:
      return require_finite_scales<BlockQ5K>(row);
    case NumberType::q6_k:
      return require_finite_scales<BlockQ6K>(row);
    default:
      return;
  }
}

}  // namespace

NumberType weight_type_of(NumberType type) {
  if (is_weight_type(type)) return type;
  switch (type) {
    case NumberType::q4_0:
    case NumberType::q4_k:
      return NumberType::q4_1;
    case NumberType::q5_0:
    case NumberType::q5_1:
    case NumberType::q5_k:
    case NumberType::q6_k:
    case NumberType::q2_k:
    case NumberType::q3_k:
    case NumberType::iq4_nl:
    case NumberType::iq4_xs:
    case NumberType::mxfp4:
    case NumberType::iq3_s:
    case NumberType::iq3_xxs:
    case NumberType::iq2_s:
    case NumberType::iq2_xs:
    case NumberType::iq2_xxs:
    case NumberType::iq1_s:
    case NumberType::iq1_m:
    case NumberType::tq1_0:
    case NumberType::tq2_0:
      return NumberType::q8_0;
    default:
      fail("{} is no type of weights of GGUF", number_type_name(type));
  }
}

NumberType matrix_type_of(NumberType type) { return is_matrix_type(type) ? type : weight_type_of(type); }

void convert_weights(Context& context, NumberType type, std::span<const std::byte> from, int64_t columns,
                     std::span<std::byte> to) {
  const NumberType wanted = weight_type_of(type);
  const int64_t row_bytes = stored_bytes(wanted, columns);
  const int64_t rows = row_bytes > 0 ? static_cast<int64_t>(to.size()) / row_bytes : 0;
  if (is_weight_type(type)) {
    if (!from.empty()) std::memcpy(to.data(), from.data(), from.size());
    return;
  }
  context.parallel_for(rows, kGrain, [&](int64_t begin, int64_t end) {
    convert_rows(context, type, from.data(), columns, to.data(), begin, end);
  });
}

WeightMatrix weight_matrix(Context& context, const TensorView& matrix) {
  const int64_t rows = matrix.shape.at(0), columns = matrix.shape.at(1);
  const NumberType type = matrix_type_of(matrix.type);
  if (is_weight_type(type) && type == matrix.type && matrix.paired_rows == 0) {
    return {context, type, rows, columns, matrix.bytes.data()};
  }
  const int64_t from_bytes = stored_bytes(matrix.type, columns), to_bytes = stored_bytes(type, columns);
  const RowReader read = [&](int64_t begin, int64_t end, std::byte* to) {
    for (int64_t row = begin; row < end; ++row, to += to_bytes) {
      const std::byte* const from = matrix.bytes.data() + stored_row(matrix, row) * from_bytes;
      if (type == matrix.type) {
        copy_row({from, static_cast<size_t>(from_bytes)}, type, to);
      } else {
        convert_rows(context, matrix.type, from, columns, to, 0, 1);
      }
    }
  };
  return {context, type, rows, columns, read};
}

}  // namespace t6
