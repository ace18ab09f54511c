// GGUF, the file of llama.cpp: typed keys and values, descriptions of tensors, then the tensors' bytes. Read as
// untrusted: every count, size and offset is checked against the file before it is used.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "t6/core/file.h"
#include "t6/formats/json_object.h"
#include "t6/numbers/tensor_view.h"

namespace t6 {

class GgufFile {
 public:
  // Maps the file and reads everything before the tensors' bytes. `path` may be the first of several files that
  // llama.cpp's gguf-split made of one (NAME-00001-of-00003.gguf): the others beside it are read, too, and give their
  // tensors. Errors name the file and what is wrong in it: not a GGUF, a version other than 2 and 3, big endian, a
  // tensor of a type that T6 does not read; a part of several files other than the first, one that is missing or
  // belongs to something else.
  explicit GgufFile(const std::filesystem::path& path);
  ~GgufFile();

  const std::filesystem::path& path() const { return file_.path(); }
  // Shapes are row-major: the file's dimensions reversed. The bytes lie in the file.
  const TensorViews& tensors() const { return tensors_; }
  const TensorView* find(const std::string& name) const;  // null: no such tensor
  // As MappedFile's, for tensors of any part.
  void let_go(std::span<const std::byte> bytes) const;
  void let_go() const;  // of keys and values, too

  // The values that are no arrays, by key. The object lives as long as the file.
  JsonObject values() const { return {*values_, path().string()}; }
  bool has_array(const std::string& key) const { return arrays_.contains(key); }
  // Error: no such array, or one of another type. The strings lie in the file and may be any bytes.
  const std::vector<std::string_view>& strings(const std::string& key) const;
  std::vector<int64_t> integers(const std::string& key) const;
  std::vector<double> numbers(const std::string& key) const;

 private:
  struct Numbers {
    uint32_t type;  // of an element
    std::span<const std::byte> bytes;
  };
  using Array = std::variant<Numbers, std::vector<std::string_view>>;
  class Parser;

  enum class Part { first, other };
  GgufFile(const std::filesystem::path& path, Part part);

  const Array& array(const std::string& key) const;
  int64_t split_count() const;  // 1: the model is in one file
  void read_other_parts();
  void add_part(const std::filesystem::path& path, int64_t number, int64_t count);

  MappedFile file_;
  std::unique_ptr<Json> values_;
  std::map<std::string, Array> arrays_;
  TensorViews tensors_;
  std::vector<std::unique_ptr<GgufFile>> parts_;  // the other files, to which tensors' bytes belong
};

// Whether a file begins as a GGUF does.
bool is_gguf(const std::filesystem::path& path);

}  // namespace t6
