// A weight matrix laid out for matmul: the numbers as they were stored, the rows side by side.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "t6/kernels/context.h"
#include "t6/numbers/weight_type.h"

namespace t6 {

// Rows whose numbers lie side by side, so that the lanes of a vector are outputs and nobody adds up lanes: a vector of
// 16 float32, which narrower machines read in parts.
constexpr int64_t kWeightGroup = 16;

// Bytes that one block of a group of rows takes without its scales.
constexpr int64_t group_block_bytes(NumberType type) {
  return kWeightGroup * (type == NumberType::q8_0 ? kWeightBlock : kWeightBlock / 2);
}
// Blocks whose scales, [16] float16 of Q8_0 and [2, 16] of Q4_1, fill one cache line.
constexpr int64_t blocks_of_scales(NumberType type) { return type == NumberType::q8_0 ? 2 : 1; }
constexpr int64_t kScaleBytes = 64;

// Where block b of a group begins: a line of scales goes before the blocks that it is for, so that one stream of memory
// is read from front to back.
constexpr int64_t scales_offset(NumberType type, int64_t b) {
  const int64_t blocks = blocks_of_scales(type);
  return b / blocks * (kScaleBytes + blocks * group_block_bytes(type)) + b % blocks * (kScaleBytes / blocks);
}
constexpr int64_t values_offset(NumberType type, int64_t b) {
  const int64_t lines = b / blocks_of_scales(type) + 1;
  return lines * kScaleBytes + b * group_block_bytes(type);
}

// Writes rows [begin, end) of a matrix to `to`, as they would be stored.
using RowReader = std::function<void(int64_t begin, int64_t end, std::byte* to)>;

// Made once, when a model is loaded; not changed afterwards. A group of 16 rows (zeros past the last) is, by type,
//   f32, f16  [K, 16]
//   bf16      [K / 2, 16, 2]: two columns in one 32-bit lane, a zero after an odd K
//   q8_0      blocks of values + 128 as unsigned bytes [8, 16, 4]: four columns in one 32-bit lane
//   q4_1      blocks of nibbles [4, 16, 4]: the low halves are the first 16 columns, as in BlockQ4_1
//   K types   words of 32 bits side by side (linear/super_blocks.h)
// and starts on a cache line.
class WeightMatrix {
 public:
  WeightMatrix() = default;  // no matrix
  // Copies `rows` rows of stored_bytes(type, columns) bytes; any alignment. Errors: not is_matrix_type(); columns that
  // are no whole blocks of the type.
  WeightMatrix(Context& context, NumberType type, int64_t rows, int64_t columns, const void* data);
  // The same of rows that `read` makes a few at a time, on all threads, so that they never are in memory as a whole.
  // Errors: its own, too.
  WeightMatrix(Context& context, NumberType type, int64_t rows, int64_t columns, const RowReader& read);

  explicit operator bool() const { return data_ != nullptr; }
  NumberType type() const { return type_; }
  int64_t rows() const { return rows_; }        // N
  int64_t columns() const { return columns_; }  // K

  int64_t groups() const { return (rows_ + kWeightGroup - 1) / kWeightGroup; }
  int64_t group_bytes() const { return group_bytes_; }
  int64_t bytes() const { return groups() * group_bytes_; }
  const std::byte* group(int64_t index) const { return data_.get() + index * group_bytes_; }

  // One row as float32, `columns` numbers. Precondition: 0 <= row < rows().
  void copy_row(int64_t row, float* out) const;

 private:
  WeightMatrix(NumberType type, int64_t rows, int64_t columns);  // without numbers
  // `rows` are those of the group.
  void pack_group(int64_t group, const std::byte* rows);
  int64_t grain() const;  // groups that are worth a thread's start

  NumberType type_ = NumberType::f32;
  int64_t rows_ = 0, columns_ = 0, group_bytes_ = 0;
  std::shared_ptr<std::byte> data_;  // copies of a matrix share it
};

}  // namespace t6
