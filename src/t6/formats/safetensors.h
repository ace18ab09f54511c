// safetensors: a JSON header of names, types, shapes and offsets, then the tensors' bytes.
// Read as untrusted: every offset and product is checked against the file before a byte is touched.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "t6/core/file.h"
#include "t6/numbers/tensor_view.h"

namespace t6 {

// The types that the format has; of numbers that lie each by itself.
inline constexpr NumberType kSafetensorsTypes[] = {
    NumberType::f64, NumberType::f32, NumberType::f16,    NumberType::bf16, NumberType::i64,
    NumberType::i32, NumberType::i16, NumberType::i8,     NumberType::u64,  NumberType::u32,
    NumberType::u16, NumberType::u8,  NumberType::boolean};

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

  // As MappedFile's.
  void let_go(std::span<const std::byte> bytes) const { file_.let_go(bytes); }

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
// multiple of 64. Error: a type that the format does not have.
void write_safetensors(const std::filesystem::path& path, std::span<const NamedTensor> tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace t6
