#include "t6/model/weight_file.h"

#include <optional>
#include <utility>
#include <vector>

#include "t6/core/error.h"
#include "t6/formats/json.h"

namespace t6 {
namespace {

constexpr const char* kTypesKey = "t6.weight_types";

DType stored_type(WeightType type) {
  switch (type) {
    case WeightType::f32:
      return DType::f32;
    case WeightType::bf16:
      return DType::bf16;
    case WeightType::f16:
      return DType::f16;
    default:
      return DType::u8;
  }
}

WeightTensor float_tensor(const TensorView& tensor, const std::string& source) {
  const std::optional<WeightType> type = float_weight_type(tensor.dtype);
  require(type.has_value(), "{} is {}; wanted F32, F16, BF16, or U8 with a type in the metadata's \"{}\"", source,
          dtype_name(tensor.dtype), kTypesKey);
  return {*type, tensor.shape, tensor.bytes};
}

WeightTensor quantized_tensor(const TensorView& tensor, const Json& name, const std::string& source) {
  require(name.is_string(), "{}: its type in \"{}\" is {}; wanted a string", source, kTypesKey, name.dump());
  const std::optional<WeightType> type = find_weight_type(name.get<std::string>());
  require(type && has_blocks(*type), "{}: its type in \"{}\" is {}; wanted \"q8\" or \"q4\"", source, kTypesKey,
          name.dump());
  require(tensor.dtype == DType::u8 && tensor.shape.size() == 2, "{} is {} of shape {}; wanted U8 of two sizes", source,
          dtype_name(tensor.dtype), format_shape(tensor.shape));
  const int64_t block = weight_row_bytes(*type, kWeightBlock);
  require(tensor.shape[1] % block == 0, "{} has rows of {} bytes; wanted whole blocks of {}", source, tensor.shape[1],
          block);
  return {*type, {tensor.shape[0], tensor.shape[1] / block * kWeightBlock}, tensor.bytes};
}

}  // namespace

WeightFile::WeightFile(const std::filesystem::path& path) : file_(path), metadata_(file_.metadata()) {
  const std::string name = path.string();
  Json types = Json::object();
  if (const auto found = metadata_.extract(kTypesKey)) {
    types = parse_json(found.mapped(), fmt::format("{}: metadata \"{}\"", name, kTypesKey));
    require(types.is_object(), "{}: metadata \"{}\" is not a JSON object", name, kTypesKey);
  }
  for (const auto& [key, tensor] : file_.tensors()) {
    const std::string source = fmt::format("{}: tensor \"{}\"", name, key);
    const auto type = types.find(key);
    tensors_[key] = type == types.end() ? float_tensor(tensor, source) : quantized_tensor(tensor, *type, source);
  }
  for (const auto& [key, type] : types.items()) {
    require(tensors_.contains(key), "{}: metadata \"{}\" names the tensor \"{}\", which is not there", name, kTypesKey,
            key);
  }
}

void write_weights(const std::filesystem::path& path, const WeightTensors& tensors,
                   std::map<std::string, std::string> metadata) {
  std::vector<NamedTensor> list;
  Json types = Json::object();
  for (const auto& [name, tensor] : tensors) {
    check_bytes(tensor, fmt::format("{}: tensor \"{}\"", path.string(), name));
    Shape shape = tensor.shape;
    if (has_blocks(tensor.type)) {
      types[name] = weight_type_name(tensor.type);
      shape = {shape[0], weight_row_bytes(tensor.type, shape[1])};
    }
    list.push_back({name, {stored_type(tensor.type), shape, tensor.bytes}});
  }
  if (!types.empty()) metadata[kTypesKey] = types.dump();
  write_safetensors(path, list, metadata);
}

}  // namespace t6
