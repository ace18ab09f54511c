#include "t6/model/weight_file.h"

#include <optional>
#include <utility>
#include <vector>

#include "t6/core/error.h"
#include "t6/formats/json.h"

namespace t6 {
namespace {

constexpr const char* kTypesKey = "t6.weight_types";

TensorView float_tensor(const TensorView& tensor, const std::string& source) {
  require(is_float_weight(tensor.type), "{} is {}; wanted F32, F16, BF16, or U8 with a type in the metadata's \"{}\"",
          source, number_type_name(tensor.type), kTypesKey);
  return tensor;
}

TensorView quantized_tensor(const TensorView& tensor, const Json& name, const std::string& source) {
  require(name.is_string(), "{}: its type in \"{}\" is {}; wanted a string", source, kTypesKey, name.dump());
  const std::optional<NumberType> type = find_weight_type(name.get<std::string>());
  require(type && has_blocks(*type), "{}: its type in \"{}\" is {}; wanted \"q8\" or \"q4\"", source, kTypesKey,
          name.dump());
  require(tensor.type == NumberType::u8 && tensor.shape.size() == 2, "{} is {} of shape {}; wanted U8 of two sizes",
          source, number_type_name(tensor.type), format_shape(tensor.shape));
  const int64_t block = stored_bytes(*type, kWeightBlock);
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

void write_weights(const std::filesystem::path& path, const TensorViews& tensors,
                   std::map<std::string, std::string> metadata) {
  std::vector<NamedTensor> list;
  Json types = Json::object();
  for (const auto& [name, tensor] : tensors) {
    check_bytes(tensor, fmt::format("{}: tensor \"{}\"", path.string(), name));
    list.push_back({name, tensor});
    if (!has_blocks(tensor.type)) continue;
    types[name] = weight_type_name(tensor.type);
    TensorView& listed = list.back().view;
    listed.type = NumberType::u8;
    listed.shape[1] = stored_bytes(tensor.type, listed.shape[1]);
  }
  if (!types.empty()) metadata[kTypesKey] = types.dump();
  write_safetensors(path, list, metadata);
}

}  // namespace t6
