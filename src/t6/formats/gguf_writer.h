// Writes a GGUF file, version 3: keys with values, descriptions of tensors, then the tensors' bytes at multiples of 32.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "t6/numbers/tensor_view.h"

namespace t6 {

class GgufWriter {
 public:
  // Keys, in the order in which they are added. Lists may be empty.
  void add(const std::string& key, bool value);
  void add(const std::string& key, uint32_t value);
  void add(const std::string& key, int32_t value);
  void add(const std::string& key, float value);
  void add(const std::string& key, std::string_view value);
  void add(const std::string& key, const char* value) { add(key, std::string_view(value)); }
  void add(const std::string& key, std::span<const std::string> value);
  void add(const std::string& key, std::span<const int32_t> value);
  void add(const std::string& key, std::span<const float> value);

  // The bytes stay their owner's and are read by write(). Errors: a type that GGUF has not, bytes that are not those of
  // the shape, a name that is there already.
  void add_tensor(const std::string& name, const TensorView& tensor);

  // Writes beside, syncs and renames, in place of what `path` names. Errors: those of FileWriter.
  void write(const std::filesystem::path& path) const;

 private:
  void begin(const std::string& key, uint32_t code);
  void begin_list(const std::string& key, uint32_t code, size_t size);
  std::string header() const;

  std::string values_;
  uint64_t count_ = 0;
  std::vector<std::pair<std::string, TensorView>> tensors_;
  std::map<std::string, size_t> names_;
};

}  // namespace t6
