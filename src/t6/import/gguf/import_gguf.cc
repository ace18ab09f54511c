#include <algorithm>
#include <iterator>
#include <memory>
#include <set>
#include <span>
#include <string>

#include "t6/core/error.h"
#include "t6/formats/gguf.h"
#include "t6/import/gguf/config.h"
#include "t6/import/gguf/names.h"
#include "t6/import/gguf/weights.h"
#include "t6/import/import.h"
#include "t6/import/shared/tensors.h"
#include "t6/model/parameters.h"
#include "t6/numbers/dequantize.h"
#include "t6/text/gguf_tokenizer.h"

namespace t6 {
namespace {

// In place where T6 has the type or the file's is wanted, else converted; vectors as float32.
TensorView as_weights(Context& context, ImportedModel& model, const TensorView& tensor, MatrixTypes types) {
  TensorView weights = {NumberType::f32, tensor.shape, tensor.bytes};
  if (tensor.shape.size() == 1) {
    weights.bytes = new_bytes(model, tensor.shape[0] * int64_t{sizeof(float)},
                              [&](std::span<std::byte> to) { dequantize(tensor.type, tensor.bytes, floats_of(to)); });
    return weights;
  }
  weights.type = weight_type_of(tensor.type);
  if (types == MatrixTypes::stored) weights.type = tensor.type;
  if (weights.type == tensor.type) return weights;
  const int64_t columns = tensor.shape.back(), row_bytes = stored_bytes(weights.type, columns);
  weights.bytes = new_bytes(model, tensor.shape.front() * row_bytes, [&](std::span<std::byte> to) {
    convert_weights(context, tensor.type, tensor.bytes, columns, to);
  });
  model.let_go(tensor.bytes);
  return weights;
}

}  // namespace

ImportedModel import_gguf(Context& context, const std::filesystem::path& path, MatrixTypes types) {
  const auto file = std::make_shared<const GgufFile>(path);
  const std::string source = path.string();
  ImportedModel model;
  model.config = gguf_config(*file);
  model.tokenizer_json = gguf_tokenizer_json(*file);
  model.text = gguf_text_settings(*file);
  model.notes = gguf_tokenizer_notes(*file);
  std::ranges::move(gguf_config_notes(*file), std::back_inserter(model.notes));
  model.owners.push_back(file);
  model.let_go = [file](std::span<const std::byte> bytes) { file->let_go(bytes); };
  const bool interleaved = gguf_rows_are_interleaved(*file);
  std::set<std::string> used = {std::string(kGgufFrequencies)};
  for (const Parameter& parameter : parameters(model.config)) {
    const std::string& name = *used.insert(gguf_name(parameter.name, model.config.post_norms)).first;
    const TensorView* tensor = file->find(name);
    require(tensor != nullptr, "{}: the tensor \"{}\" is missing", source, name);
    require(tensor->shape == parameter.shape, "{}: tensor \"{}\" has shape {}, wanted {}", source, name,
            format_shape(tensor->shape), format_shape(parameter.shape));
    TensorView& weights = model.tensors[parameter.name] = as_weights(context, model, *tensor, types);
    if (!interleaved || !is_query_or_key(parameter.name)) continue;
    if (types == MatrixTypes::stored && weights.shape.size() > 1) {
      weights.paired_rows = model.config.head_dim;
    } else {
      pair_halves(model, weights, model.config.head_dim);
    }
  }
  for (const auto& [name, tensor] : file->tensors()) {
    require(used.contains(name), "{}: the tensor \"{}\" is not supported in a model of its architecture", source, name);
  }
  file->let_go();  // the vocabulary has been read
  return model;
}

}  // namespace t6
