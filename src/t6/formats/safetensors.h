// safetensors: a JSON header of names, types, shapes and offsets, then the tensors' bytes.
// Read as untrusted: every offset and product is checked against the file before a byte is touched.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "t6/core/file.h"

namespace t6 {

enum class DType { f64, f32, f16, bf16, i64, i32, i16, i8, u64, u32, u16, u8, boolean };

std::string_view dtype_name(DType type);  // as safetensors spells it: "F32", "BF16", "BOOL"
int64_t dtype_size(DType type);           // bytes an element

using Shape = std::vector<int64_t>;
int64_t element_count(const Shape& shape);
std::string format_shape(const Shape& shape);  // "[384, 48]"

// A tensor's bytes in row-major order; the bytes belong to someone else.
struct TensorView {
  DType dtype = DType::f32;
  Shape shape;
  std::span<const std::byte> bytes;
};

using TensorViews = std::map<std::string, TensorView>;

// The tensor `name`. Errors, which begin with `source`: missing, or of another shape.
const TensorView& tensor_at(const TensorViews& tensors, const std::string& name, const Shape& shape,
                            const std::string& source);

class SafetensorsFile {
 public:
  // Maps the file and checks its header. Errors name the file and what is wrong in it.
  explicit SafetensorsFile(const std::filesystem::path& path);

  const TensorViews& tensors() const { return tensors_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  const std::filesystem::path& path() const { return file_.path(); }

  // Error: no such tensor.
  const TensorView& at(const std::string& name) const;
  // Error: missing, or of another shape.
  const TensorView& at(const std::string& name, const Shape& shape) const;

 private:
  MappedFile file_;
  TensorViews tensors_;
  std::map<std::string, std::string> metadata_;
};

// Converts float32, float16 or bfloat16 elements to float32. `out` has as many elements as the tensor.
// Error: `name` is of another type.
void copy_as_float(const TensorView& tensor, const std::string& name, std::span<float> out);

struct NamedTensor {
  std::string name;
  TensorView view;
  // Its bytes where they do not lie in one place, in their order; view.bytes is empty then.
  std::vector<std::span<const std::byte>> pieces = {};
};

// Writes the tensors in the order given, beside, synced and renamed. The first tensor's bytes start at a
// multiple of 64.
void write_safetensors(const std::filesystem::path& path, std::span<const NamedTensor> tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace t6
