// A weight matrix laid out for matmul: the numbers as they were stored, the rows side by side.
#pragma once

#include <hwy/aligned_allocator.h>

#include <cstddef>
#include <cstdint>

#include "t6/kernels/weight_type.h"

namespace t6 {

// Rows whose numbers lie side by side, so that the lanes of a vector are outputs and nobody adds up lanes: a vector of
// 16 float32, which narrower machines read in parts.
constexpr int64_t kWeightGroup = 16;

// Made once, when a model is loaded; not changed afterwards. A group of 16 rows (zeros past the last) is, by type,
//   f32, f16  [K, 16]
//   bf16      [K / 2, 16, 2]: two columns in one 32-bit lane, a zero after an odd K
//   q8        scales [K / 32, 16], then values + 128 as unsigned bytes [K / 32, 8, 16, 4]
//   q4        scales and minima [K / 32, 2, 16], then the 16 bytes of each block [K / 32, 4, 16, 4]
// with scales padded to whole cache lines. Four neighbouring columns of blocks fill one 32-bit lane.
class WeightMatrix {
 public:
  WeightMatrix() = default;  // no matrix
  // Copies `rows` rows of weight_row_bytes(type, columns) bytes; any alignment. Error: columns of a type with blocks
  // that are no multiple of kWeightBlock.
  WeightMatrix(WeightType type, int64_t rows, int64_t columns, const void* data);

  explicit operator bool() const { return data_ != nullptr; }
  WeightType type() const { return type_; }
  int64_t rows() const { return rows_; }        // N
  int64_t columns() const { return columns_; }  // K

  int64_t groups() const { return (rows_ + kWeightGroup - 1) / kWeightGroup; }
  int64_t group_bytes() const { return group_bytes_; }
  int64_t bytes() const { return groups() * group_bytes_; }
  const std::byte* group(int64_t index) const { return data_.get() + index * group_bytes_; }
  // Where a group's values begin, after its scales.
  int64_t scale_bytes() const;

  // One row as float32, `columns` numbers. Precondition: 0 <= row < rows().
  void copy_row(int64_t row, float* out) const;

 private:
  void pack_group(int64_t group, const std::byte* rows);

  WeightType type_ = WeightType::f32;
  int64_t rows_ = 0, columns_ = 0, group_bytes_ = 0;
  hwy::AlignedFreeUniquePtr<std::byte[]> data_;
};

}  // namespace t6
