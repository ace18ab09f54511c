// GGUF files for tests, good ones and bad ones.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "t6/formats/gguf.h"

namespace t6 {

class GgufBuilder {
 public:
  uint32_t version = 3;
  uint64_t alignment = 32;

  // Codes of value types in the file.
  void add(const std::string& key, uint32_t value) { put(key, 4, value); }
  void add(const std::string& key, int32_t value) { put(key, 5, value); }
  void add(const std::string& key, float value) { put(key, 6, value); }
  void add(const std::string& key, bool value) { put(key, 7, static_cast<uint8_t>(value)); }
  void add(const std::string& key, uint64_t value) { put(key, 10, value); }
  void add(const std::string& key, double value) { put(key, 12, value); }
  void add(const std::string& key, const char* value) { add(key, std::string_view(value)); }
  void add(const std::string& key, std::string_view value) {
    begin(key, 8);
    text(values_, value);
  }
  void add(const std::string& key, const std::vector<std::string>& value) {
    begin_array(key, 8, value.size());
    for (const std::string& each : value) text(values_, each);
  }
  void add(const std::string& key, const std::vector<int32_t>& value) {
    begin_array(key, 5, value.size());
    for (const int32_t each : value) number(values_, each);
  }
  void add(const std::string& key, const std::vector<float>& value) {
    begin_array(key, 6, value.size());
    for (const float each : value) number(values_, each);
  }
  // Any bytes as the value of a type.
  void add_raw(const std::string& key, uint32_t type, std::string_view bytes) {
    begin(key, type);
    values_ += bytes;
  }

  // `shape` is row-major.
  void add_tensor(const std::string& name, const Shape& shape, uint32_t type, std::string_view bytes) {
    text(infos_, name);
    number(infos_, static_cast<uint32_t>(shape.size()));
    for (auto size = shape.rbegin(); size != shape.rend(); ++size) number(infos_, *size);
    number(infos_, type);
    data_.resize((data_.size() + alignment - 1) / alignment * alignment);
    number(infos_, uint64_t{data_.size()});
    data_ += bytes;
    ++tensors_;
  }
  void add_tensor(const std::string& name, const Shape& shape, const std::vector<float>& numbers) {
    add_tensor(name, shape, 0, {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(float)});
  }

  // Of everything before the tensors' bytes.
  std::string header() const {
    std::string out = "GGUF";
    number(out, version);
    number(out, tensors_);
    number(out, count_);
    return out + values_ + infos_;
  }
  std::string file() const {
    std::string out = header();
    out.resize((out.size() + alignment - 1) / alignment * alignment);
    return out + data_;
  }

 private:
  template <typename T>
  static void number(std::string& out, T value) {
    out.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  static void text(std::string& out, std::string_view value) {
    number(out, uint64_t{value.size()});
    out += value;
  }
  void begin(const std::string& key, uint32_t type) {
    text(values_, key);
    number(values_, type);
    ++count_;
  }
  void begin_array(const std::string& key, uint32_t type, size_t size) {
    begin(key, 9);
    number(values_, type);
    number(values_, uint64_t{size});
  }
  template <typename T>
  void put(const std::string& key, uint32_t type, T value) {
    begin(key, type);
    number(values_, value);
  }

  std::string values_, infos_, data_;
  uint64_t count_ = 0, tensors_ = 0;
};

}  // namespace t6
