#include "t6/kernels/weight_matrix.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "t6/core/error.h"
#include "t6/core/rounding.h"
#include "t6/kernels/linear/super_blocks.h"
#include "t6/kernels/linear/weight_memory.h"
#include "t6/numbers/blocks.h"
#include "t6/numbers/dequantize.h"
#include "t6/numbers/stored_number.h"

namespace t6 {
namespace {

constexpr int64_t kCacheLine = 64;
static_assert(kSuperBlockRows == kWeightGroup);

// Bytes that lie side by side: one number, two of bf16, four small integers of a block.
int64_t lane_bytes(NumberType type) { return type == NumberType::f16 ? 2 : 4; }

// Bytes of a group of rows.
int64_t packed_bytes(NumberType type, int64_t columns) {
  if (has_super_blocks(type)) return columns / kSuperBlock * super_block_layout(type).bytes();
  if (has_blocks(type)) {
    const int64_t blocks = columns / kWeightBlock;
    return blocks > 0 ? values_offset(type, blocks - 1) + group_block_bytes(type) : 0;
  }
  return kWeightGroup * round_up(stored_bytes(type, columns), lane_bytes(type));
}

// Scales of a stored block come first, float16.
int64_t stored_scale_bytes(NumberType type) {
  return type == NumberType::q8_0 ? int64_t{offsetof(BlockQ8_0, values)} : int64_t{offsetof(BlockQ4_1, values)};
}

}  // namespace

WeightMatrix::WeightMatrix(NumberType type, int64_t rows, int64_t columns)
    : type_(type), rows_(rows), columns_(columns) {
  require_matrix_type(type);
  require(rows >= 0 && columns >= 0, "a weight matrix of {} rows and {} columns is not possible", rows, columns);
  const int64_t block = number_type_info(type).block_numbers;
  require(columns % block == 0, "a matrix in blocks has {} columns; wanted a multiple of {}", columns, block);
  group_bytes_ = round_up(packed_bytes(type, columns), kCacheLine);
  data_ = allocate_weights(bytes());
}

WeightMatrix::WeightMatrix(Context& context, NumberType type, int64_t rows, int64_t columns, const void* data)
    : WeightMatrix(type, rows, columns) {
  const int64_t stored_group = kWeightGroup * stored_bytes(type, columns);
  context.parallel_for(groups(), grain(), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) pack_group(i, static_cast<const std::byte*>(data) + i * stored_group);
  });
}

WeightMatrix::WeightMatrix(Context& context, NumberType type, int64_t rows, int64_t columns, const RowReader& read)
    : WeightMatrix(type, rows, columns) {
  context.parallel_for(groups(), grain(), [&](int64_t begin, int64_t end) {
    std::vector<std::byte> stored(static_cast<size_t>(kWeightGroup * stored_bytes(type, columns)));
    for (int64_t i = begin; i < end; ++i) {
      read(i * kWeightGroup, std::min(rows, (i + 1) * kWeightGroup), stored.data());
      pack_group(i, stored.data());
    }
  });
}

int64_t WeightMatrix::grain() const { return 1 + (1 << 16) / std::max<int64_t>(1, group_bytes_); }

void WeightMatrix::pack_group(int64_t group, const std::byte* rows) {
  std::byte* const to = data_.get() + group * group_bytes_;
  const int64_t row_bytes = stored_bytes(type_, columns_), lane = lane_bytes(type_);
  const int64_t used = std::min(kWeightGroup, rows_ - group * kWeightGroup);
  if (has_super_blocks(type_)) {
    const int64_t block = number_type_info(type_).block_bytes, packed = super_block_layout(type_).bytes();
    for (int64_t b = 0; b < columns_ / kSuperBlock; ++b) {
      pack_super_block(type_, rows + b * block, row_bytes, used, to + b * packed);
    }
    return;
  }
  std::memset(to, 0, static_cast<size_t>(group_bytes_));
  for (int64_t r = 0; r < used; ++r) {
    const std::byte* from = rows + r * row_bytes;
    if (!has_blocks(type_)) {
      for (int64_t i = 0; i < row_bytes; i += lane) {
        std::memcpy(to + i * kWeightGroup + r * lane, from + i, static_cast<size_t>(std::min(lane, row_bytes - i)));
      }
      continue;
    }
    const int64_t scales = stored_scale_bytes(type_), block = stored_bytes(type_, kWeightBlock);
    for (int64_t b = 0; b < columns_ / kWeightBlock; ++b, from += block) {
      for (int64_t i = 0; i < scales; i += 2) {
        std::memcpy(to + scales_offset(type_, b) + i * kWeightGroup + 2 * r, from + i, 2);
      }
      std::byte* values = to + values_offset(type_, b) + r * lane;
      for (int64_t i = 0; i < block - scales; i += lane) std::memcpy(values + i * kWeightGroup, from + scales + i, 4);
    }
  }
  if (type_ != NumberType::q8_0) return;
  // Two's complement plus 128, the rows of zeros too.
  for (int64_t b = 0; b < columns_ / kWeightBlock; ++b) {
    std::byte* values = to + values_offset(type_, b);
    std::for_each(values, values + group_block_bytes(type_), [](std::byte& value) { value ^= std::byte{0x80}; });
  }
}

void WeightMatrix::copy_row(int64_t row, float* out) const {
  const std::byte* const from = group(row / kWeightGroup);
  const int64_t r = row % kWeightGroup;
  if (has_super_blocks(type_)) {
    std::vector<std::byte> stored(static_cast<size_t>(number_type_info(type_).block_bytes));
    for (int64_t b = 0; b < columns_ / kSuperBlock; ++b) {
      unpack_super_block(type_, from + b * super_block_layout(type_).bytes(), r, stored.data());
      dequantize(type_, stored, {out + b * kSuperBlock, kSuperBlock});
    }
    return;
  }
  const auto byte_at = [&](int64_t block, int64_t index) {
    return std::to_integer<int>(from[values_offset(type_, block) + (index / 4 * kWeightGroup + r) * 4 + index % 4]);
  };
  for (int64_t k = 0; k < columns_; ++k) {
    const int64_t b = k / kWeightBlock, i = k % kWeightBlock;
    switch (type_) {
      case NumberType::f32:
        out[k] = load_number<NumberType::f32>(from, k * kWeightGroup + r);
        break;
      case NumberType::f16:
        out[k] = load_number<NumberType::f16>(from, k * kWeightGroup + r);
        break;
      case NumberType::bf16:
        out[k] = load_number<NumberType::bf16>(from, (k / 2 * kWeightGroup + r) * 2 + k % 2);
        break;
      case NumberType::q8_0:
        out[k] =
            load_number<NumberType::f16>(from + scales_offset(type_, b), r) * static_cast<float>(byte_at(b, i) - 128);
        break;
      default: {  // Q4_1
        const int byte = byte_at(b, i % (kWeightBlock / 2));
        const auto nibble = static_cast<float>(i < kWeightBlock / 2 ? byte & 15 : byte >> 4);
        const std::byte* scales = from + scales_offset(type_, b);
        out[k] =
            load_number<NumberType::f16>(scales, r) * nibble + load_number<NumberType::f16>(scales, kWeightGroup + r);
        break;
      }
    }
  }
}

}  // namespace t6
