#include "t6/model/weight_tensor.h"

#include "t6/core/error.h"

namespace t6 {

void check_bytes(const TensorView& tensor, const std::string& source) {
  require(is_weight_type(tensor.type), "{} is {}; wanted one of {}", source, number_type_name(tensor.type),
          number_type_names(kWeightTypes));
  check_stored_bytes(tensor, source);
}

void check_stored_bytes(const TensorView& tensor, const std::string& source) {
  const Shape& shape = tensor.shape;
  const std::string_view type =
      is_weight_type(tensor.type) ? weight_type_name(tensor.type) : number_type_name(tensor.type);
  const int64_t block = number_type_info(tensor.type).block_numbers;
  if (block > 1) {
    require(shape.size() == 2 && shape[1] % block == 0,
            "{} of shape {} cannot be {}; wanted two sizes, the second a multiple of {}", source, format_shape(shape),
            type, block);
  }
  int64_t rows = 1, bytes = 0;
  for (size_t i = 0; i + 1 < shape.size(); ++i) {
    require(shape[i] >= 0 && !__builtin_mul_overflow(rows, shape[i], &rows), "{}: the shape {} is not possible", source,
            format_shape(shape));
  }
  const int64_t columns = shape.empty() ? 1 : shape.back();
  // A row's bytes are at most 4 columns.
  require(columns >= 0 && columns <= (int64_t{1} << 60) &&
              !__builtin_mul_overflow(rows, stored_bytes(tensor.type, columns), &bytes),
          "{}: the shape {} is not possible", source, format_shape(shape));
  require(tensor.bytes.size() == static_cast<uint64_t>(bytes), "{} of shape {} as {} needs {} bytes and has {}", source,
          format_shape(shape), type, bytes, tensor.bytes.size());
}

}  // namespace t6
