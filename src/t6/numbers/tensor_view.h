// A stored tensor: type, shape and bytes, which belong to someone else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "t6/numbers/number_type.h"

namespace t6 {

using Shape = std::vector<int64_t>;
int64_t element_count(const Shape& shape);
std::string format_shape(const Shape& shape);  // "[384, 48]"

// Row-major; of types with blocks each row, the last dimension, is whole blocks.
struct TensorView {
  NumberType type = NumberType::f32;
  Shape shape;
  std::span<const std::byte> bytes;
  // D > 0: of each D rows, a head's, those that rotate together lie side by side, (2 i, 2 i + 1), and not at (i, i +
  // D/2), where a reader of the tensor sees them. For importers, and matrices that they need not copy.
  int64_t paired_rows = 0;
};

// Which of the rows in `bytes` is row `row` of the tensor.
constexpr int64_t stored_row(const TensorView& tensor, int64_t row) {
  if (tensor.paired_rows == 0) return row;
  const int64_t half = tensor.paired_rows / 2, feature = row % tensor.paired_rows;
  return row - feature + feature % half * 2 + feature / half;
}

// Says that bytes of a tensor will hardly be read again, so that memory which holds a copy of a file's may be given
// back.
using LetGo = std::function<void(std::span<const std::byte>)>;

using TensorViews = std::map<std::string, TensorView>;

}  // namespace t6
