#include <algorithm>
#include <iterator>
#include <memory>
#include <set>
#include <span>
#include <string>

#include "t6/core/error.h"
#include "t6/formats/gguf.h"
#include "t6/import/gguf/config.h"
#include "t6/import/gguf/weights.h"
#include "t6/import/import.h"
#include "t6/import/shared/tensors.h"
#include "t6/model/parameters.h"
#include "t6/numbers/dequantize.h"
#include "t6/text/gguf_tokenizer.h"

namespace t6 {
namespace {

struct Part {
  std::string_view ours, theirs;
};

// Of the norms around attention and feed-forward of a layer.
std::span<const Part> norm_names(bool post_norms) {
  static constexpr Part kBefore[] = {{"input_layernorm", "attn_norm"}, {"post_attention_layernorm", "ffn_norm"}};
  static constexpr Part kAround[] = {{"input_layernorm", "attn_norm"},
                                     {"post_attention_layernorm", "post_attention_norm"},
                                     {"pre_feedforward_layernorm", "ffn_norm"},
                                     {"post_feedforward_layernorm", "post_ffw_norm"}};
  return post_norms ? std::span<const Part>(kAround) : std::span<const Part>(kBefore);
}

// Our name of a parameter as GGUF's.
std::string gguf_name(const std::string& name, bool post_norms) {
  constexpr Part kWhole[] = {{"model.embed_tokens.weight", "token_embd.weight"},
                             {"model.norm.weight", "output_norm.weight"},
                             {"lm_head.weight", "output.weight"}};
  constexpr Part kOfLayer[] = {
      {"self_attn.q_proj", "attn_q"},      {"self_attn.k_proj", "attn_k"},      {"self_attn.v_proj", "attn_v"},
      {"self_attn.o_proj", "attn_output"}, {"self_attn.q_norm", "attn_q_norm"}, {"self_attn.k_norm", "attn_k_norm"},
      {"mlp.gate_proj", "ffn_gate"},       {"mlp.up_proj", "ffn_up"},           {"mlp.down_proj", "ffn_down"}};
  for (const Part& part : kWhole) {
    if (name == part.ours) return std::string(part.theirs);
  }
  // "model.layers." LAYER "." PART "." ("weight" or "bias")
  constexpr size_t kLayers = std::string_view("model.layers.").size();
  const size_t dot = name.find('.', kLayers), last = name.rfind('.');
  const std::string part = name.substr(dot + 1, last - dot - 1);
  for (const std::span<const Part> names : {norm_names(post_norms), std::span<const Part>(kOfLayer)}) {
    for (const Part& known : names) {
      if (part != known.ours) continue;
      return fmt::format("blk.{}.{}{}", name.substr(kLayers, dot - kLayers), known.theirs, name.substr(last));
    }
  }
  fail("GGUF has no name for the parameter \"{}\"", name);
}

bool is_query_or_key(const std::string& name) {
  return name.find(".q_proj.") != std::string::npos || name.find(".k_proj.") != std::string::npos;
}

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
    if (interleaved && is_query_or_key(parameter.name)) pair_halves(model, weights, model.config.head_dim);
  }
  for (const auto& [name, tensor] : file->tensors()) {
    require(used.contains(name), "{}: the tensor \"{}\" is not supported in a model of its architecture", source, name);
  }
  return model;
}

}  // namespace t6
