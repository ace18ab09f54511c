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
};

// Says that bytes of a tensor will hardly be read again, so that memory which holds a copy of a file's may be given
// back.
using LetGo = std::function<void(std::span<const std::byte>)>;

using TensorViews = std::map<std::string, TensorView>;

}  // namespace t6
