#include "t6/formats/gguf_writer.h"

#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/formats/gguf/type_codes.h"
#include "t6/formats/gguf/value_codes.h"

namespace t6 {
namespace {

constexpr uint32_t kVersion = 3;
constexpr uint64_t kAlignment = 32;  // the format's own where a file names none

using gguf::Code;

template <typename T>
void number(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void text(std::string& out, std::string_view value) {
  number(out, uint64_t{value.size()});
  out += value;
}

uint64_t aligned(uint64_t size) { return (size + kAlignment - 1) / kAlignment * kAlignment; }

void pad(FileWriter& file) {
  const std::string zeros(aligned(file.size()) - file.size(), '\0');
  file.write(zeros);
}

}  // namespace

void GgufWriter::begin(const std::string& key, uint32_t code) {
  text(values_, key);
  number(values_, code);
  ++count_;
}

void GgufWriter::begin_list(const std::string& key, uint32_t code, size_t size) {
  begin(key, Code::array);
  number(values_, code);
  number(values_, uint64_t{size});
}

void GgufWriter::add(const std::string& key, bool value) {
  begin(key, Code::boolean);
  number(values_, static_cast<uint8_t>(value));
}

void GgufWriter::add(const std::string& key, uint32_t value) {
  begin(key, Code::u32);
  number(values_, value);
}

void GgufWriter::add(const std::string& key, int32_t value) {
  begin(key, Code::i32);
  number(values_, value);
}

void GgufWriter::add(const std::string& key, float value) {
  begin(key, Code::f32);
  number(values_, value);
}

void GgufWriter::add(const std::string& key, std::string_view value) {
  begin(key, Code::string);
  text(values_, value);
}

void GgufWriter::add(const std::string& key, std::span<const std::string> value) {
  begin_list(key, Code::string, value.size());
  for (const std::string& each : value) text(values_, each);
}

void GgufWriter::add(const std::string& key, std::span<const int32_t> value) {
  begin_list(key, Code::i32, value.size());
  for (const int32_t each : value) number(values_, each);
}

void GgufWriter::add(const std::string& key, std::span<const float> value) {
  begin_list(key, Code::f32, value.size());
  for (const float each : value) number(values_, each);
}

void GgufWriter::add_tensor(const std::string& name, const TensorView& tensor) {
  (void)gguf_code_of_type(tensor.type);  // an Error if it is none
  const NumberTypeInfo& info = number_type_info(tensor.type);
  require(!tensor.shape.empty() && tensor.shape.back() % info.block_numbers == 0,
          "the tensor \"{}\" of shape {} is not whole blocks of {} ({})", name, format_shape(tensor.shape),
          info.block_numbers, info.name);
  const int64_t bytes = stored_bytes(tensor.type, element_count(tensor.shape));
  require(bytes == static_cast<int64_t>(tensor.bytes.size()), "the tensor \"{}\" has {} bytes; wanted {}", name,
          tensor.bytes.size(), bytes);
  require(names_.emplace(name, tensors_.size()).second, "the tensor \"{}\" is there twice", name);
  tensors_.emplace_back(name, tensor);
}

std::string GgufWriter::header() const {
  std::string out = "GGUF";
  number(out, kVersion);
  number(out, uint64_t{tensors_.size()});
  number(out, count_);
  out += values_;
  uint64_t offset = 0;
  for (const auto& [name, tensor] : tensors_) {
    text(out, name);
    number(out, static_cast<uint32_t>(tensor.shape.size()));
    for (auto size = tensor.shape.rbegin(); size != tensor.shape.rend(); ++size) number(out, *size);
    number(out, gguf_code_of_type(tensor.type));
    number(out, offset);
    offset += aligned(tensor.bytes.size());
  }
  return out;
}

void GgufWriter::write(const std::filesystem::path& path) const {
  FileWriter file(path);
  file.write(header());
  pad(file);
  for (const auto& [name, tensor] : tensors_) {
    file.write(tensor.bytes.data(), tensor.bytes.size());
    pad(file);
  }
  file.commit();
}

}  // namespace t6
