#include "t6/formats/safetensors.h"

#include <cstring>
#include <limits>
#include <optional>

#include "t6/core/error.h"
#include "t6/formats/json.h"
#include "t6/numbers/dequantize.h"

namespace t6 {
namespace {

// The format's own limit on its header.
constexpr uint64_t kMaxHeader = 100'000'000;
// Data begins at a multiple of a cache line, so that float32 rows can be read in place with vector loads.
constexpr uint64_t kHeaderAlignment = 64;

NumberType parse_type(const std::string& name, const std::string& source) {
  const std::optional<NumberType> type = find_number_type(name, kSafetensorsTypes);
  require(type.has_value(), "{}: the type \"{}\" is not supported ({} are)", source, name,
          number_type_names(kSafetensorsTypes));
  return *type;
}

TensorView parse_tensor(const Json& value, const std::string& source, std::span<const std::byte> data) {
  const JsonObject entry(value, source);
  TensorView tensor;
  tensor.type = parse_type(entry.string("dtype"), source);
  const Json& shape = entry.at("shape");
  const Json& offsets = entry.at("data_offsets");
  require(shape.is_array() && shape.size() <= 16, "{}: \"shape\" must be an array of at most 16 sizes", source);
  require(
      offsets.is_array() && offsets.size() == 2 && offsets[0].is_number_unsigned() && offsets[1].is_number_unsigned(),
      "{}: \"data_offsets\" must be two positions in the file's data", source);
  const auto begin = offsets[0].get<uint64_t>(), end = offsets[1].get<uint64_t>();
  require(begin <= end && end <= data.size(), "{}: data_offsets [{}, {}] lie outside the file's {} bytes of data",
          source, begin, end, data.size());
  uint64_t bytes = static_cast<uint64_t>(stored_bytes(tensor.type, 1));
  for (const Json& size : shape) {
    require(size.is_number_unsigned() && size.get<uint64_t>() <= uint64_t{std::numeric_limits<int64_t>::max()},
            "{}: \"shape\" holds {}, which is not a size", source, size.dump());
    require(!__builtin_mul_overflow(bytes, size.get<uint64_t>(), &bytes), "{}: the shape's product overflows", source);
    tensor.shape.push_back(size.get<int64_t>());
  }
  require(bytes == end - begin, "{}: shape {} of {} needs {} bytes, but data_offsets hold {}", source,
          format_shape(tensor.shape), number_type_name(tensor.type), bytes, end - begin);
  tensor.bytes = data.subspan(begin, bytes);
  return tensor;
}

const TensorView& find(const TensorViews& tensors, const std::string& name, const std::string& source) {
  const auto found = tensors.find(name);
  require(found != tensors.end(), "{}: the tensor \"{}\" is missing", source, name);
  return found->second;
}

}  // namespace

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path) : file_(path) {
  const std::string name = path.string();
  const auto bytes = file_.bytes();
  uint64_t header = 0;
  require(bytes.size() >= sizeof(header), "{}: {} bytes are too few for a safetensors file", name, bytes.size());
  std::memcpy(&header, bytes.data(), sizeof(header));
  require(header <= kMaxHeader && header <= bytes.size() - sizeof(header),
          "{}: not a safetensors file: its header claims {} bytes, the file has {}", name, header,
          bytes.size() - sizeof(header));
  const Json json = parse_json(file_.text().substr(sizeof(header), header), name);
  require(json.is_object(), "{}: the safetensors header is not a JSON object", name);
  const auto data = bytes.subspan(sizeof(header) + header);
  uint64_t used = 0;
  for (const auto& [key, value] : json.items()) {
    if (key == "__metadata__") {
      require(value.is_object(), "{}: __metadata__ is not an object", name);
      for (const auto& [field, text] : value.items()) {
        require(text.is_string(), "{}: __metadata__ \"{}\" is not a string", name, field);
        metadata_[field] = text.get<std::string>();
      }
      continue;
    }
    const TensorView& tensor = tensors_[key] = parse_tensor(value, fmt::format("{}: tensor \"{}\"", name, key), data);
    used += tensor.bytes.size();  // cannot overflow: at most the header's size times the file's
  }
  // With every tensor inside the data, a sum that equals the data's size rules out overlaps with holes
  // elsewhere; a plain overlap makes the sum too large, a hole too small.
  require(used == data.size(), "{}: the tensors cover {} bytes, but the file holds {}", name, used, data.size());
}

const TensorView& SafetensorsFile::at(const std::string& name) const { return find(tensors_, name, path().string()); }

const TensorView& SafetensorsFile::at(const std::string& name, const Shape& shape) const {
  return tensor_at(tensors_, name, shape, path().string());
}

const TensorView& tensor_at(const TensorViews& tensors, const std::string& name, const Shape& shape,
                            const std::string& source) {
  const TensorView& tensor = find(tensors, name, source);
  require(tensor.shape == shape, "{}: tensor \"{}\" has shape {}, wanted {}", source, name, format_shape(tensor.shape),
          format_shape(shape));
  return tensor;
}

void copy_as_float(const TensorView& tensor, const std::string& name, std::span<float> out) {
  require(out.size() == static_cast<size_t>(element_count(tensor.shape)), "tensor \"{}\" has {} elements, wanted {}",
          name, element_count(tensor.shape), out.size());
  require(tensor.type == NumberType::f32 || tensor.type == NumberType::f16 || tensor.type == NumberType::bf16,
          "tensor \"{}\" is {}; wanted F32, F16 or BF16", name, number_type_name(tensor.type));
  dequantize(tensor.type, tensor.bytes, out);
}

void write_safetensors(const std::filesystem::path& path, std::span<const NamedTensor> tensors,
                       const std::map<std::string, std::string>& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  uint64_t offset = 0;
  for (const NamedTensor& tensor : tensors) {
    uint64_t end = offset + tensor.view.bytes.size();
    for (const auto& piece : tensor.pieces) end += piece.size();
    const std::string_view type = number_type_name(tensor.view.type);
    require(find_number_type(type, kSafetensorsTypes).has_value(), "{}: tensor \"{}\" is {}, which is not one of {}",
            path.string(), tensor.name, type, number_type_names(kSafetensorsTypes));
    header[tensor.name] = {{"dtype", type}, {"shape", tensor.view.shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.resize(
      (text.size() + sizeof(uint64_t) + kHeaderAlignment - 1) / kHeaderAlignment * kHeaderAlignment - sizeof(uint64_t),
      ' ');
  const uint64_t size = text.size();
  FileWriter file(path);
  file.write(&size, sizeof(size));
  file.write(text);
  for (const NamedTensor& tensor : tensors) {
    file.write(tensor.view.bytes.data(), tensor.view.bytes.size());
    for (const auto& piece : tensor.pieces) file.write(piece.data(), piece.size());
  }
  file.commit();
}

}  // namespace t6
