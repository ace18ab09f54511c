#include "t6/import/export_gguf.h"

#include <cmath>
#include <utility>

#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/formats/gguf_writer.h"
#include "t6/import/architectures.h"
#include "t6/import/gguf/config.h"
#include "t6/import/gguf/names.h"
#include "t6/import/shared/tensors.h"
#include "t6/kernels/quantize.h"
#include "t6/model/factors.h"
#include "t6/model/parameters.h"
#include "t6/numbers/dequantize.h"
#include "t6/text/write_gguf_tokenizer.h"

namespace t6 {
namespace {

constexpr uint32_t kQuantizationVersion = 2;  // of the layout of blocks: ggml's own, GGUF's since its version 2

bool has_heads(const ModelConfig& config) {
  return config.attention_kind == AttentionKind::mha || config.attention_kind == AttentionKind::mqa ||
         config.attention_kind == AttentionKind::gqa;
}

// What no architecture that is written here computes.
void refuse_unsupported(const ModelConfig& config, const std::string& source) {
  const auto refuse = [&](bool used, std::string_view what) {
    require(!used, "{}: llama.cpp has no {}, so that no GGUF file can hold this model; `--to hf` can", source, what);
  };
  refuse(!has_heads(config), "attention of the kind " + attention_kind_name(config.attention_kind));
  refuse(config.partial_rotary_factor != 1, "\"partial_rotary_factor\" here");
  refuse(config.head_output_norm, "\"head_output_norm\"");
  refuse(config.output_gate, "\"output_gate\"");
  refuse(config.kv_shift, "\"kv_shift\"");
  refuse(config.sliding_window > 0 || config.attention_sinks > 0, "window (\"sliding_window\") here");
  refuse(!config.no_rope_layers.empty(), "\"no_rope_layers\" here");
  refuse(config.post_norms || config.hidden_act != GateActivation::silu || config.embedding_scale != 1,
         "\"post_norms\", \"hidden_act\" or \"embedding_scale\" here");
  refuse(config.query_pre_attn_scalar != 0, "\"query_pre_attn_scalar\" here");
  refuse(config.value_dim() != config.head_dim, "\"v_head_dim\" other than \"head_dim\"");
  const bool biases = config.attention_bias || config.attention_output_bias;
  refuse(config.query_key_norm && biases, "architecture with both \"query_key_norm\" and biases");
}

const Architecture& architecture_of(const ModelConfig& config, const std::string& source) {
  refuse_unsupported(config, source);
  const bool query_key_value_bias = config.attention_bias && !config.attention_output_bias;
  for (const Architecture& row : architectures()) {
    if (row.gguf.empty() || row.gemma_block || row.skips_rotation) continue;
    const bool same_bias = row.query_key_value_bias == query_key_value_bias;
    if (same_bias && row.query_key_norm == config.query_key_norm) return row;
  }
  fail("{}: no architecture of GGUF is this model's", source);
}

class Export {
 public:
  Export(Context& context, ImportedModel model, std::optional<NumberType> type, std::string source)
      : context_(context),
        model_(std::move(model)),
        type_(type),
        source_(std::move(source)),
        architecture_(architecture_of(model_.config, source_)) {}

  std::vector<std::string> write(const std::filesystem::path& file);

 private:
  std::string key(std::string_view name) const { return fmt::format("{}.{}", architecture_.gguf, name); }
  void add_size(std::string_view name, int64_t value) { writer_.add(key(name), static_cast<uint32_t>(value)); }
  void add_number(std::string_view name, double value) { writer_.add(key(name), static_cast<float>(value)); }
  void add_config();
  void add_rope_scaling();
  void add_yarn(const RopeScaling& scaling);
  void add_divisors(const RopeScaling& scaling);
  void add_tensors();
  void add_ones();
  TensorView in_type(const std::string& name, const TensorView& tensor);
  TensorView floats(const Shape& shape, const std::vector<float>& numbers);

  Context& context_;
  ImportedModel model_;
  std::optional<NumberType> type_;
  std::string source_;
  const Architecture& architecture_;
  GgufWriter writer_;
};

void Export::add_config() {
  const ModelConfig& config = model_.config;
  writer_.add("general.architecture", architecture_.gguf);
  writer_.add("general.quantization_version", kQuantizationVersion);
  add_size("vocab_size", config.vocab_size);
  add_size("context_length", config.max_position_embeddings);
  add_size("embedding_length", config.hidden_size);
  add_size("block_count", config.num_hidden_layers);
  add_size("feed_forward_length", config.feed_forward_dim());
  add_size("attention.head_count", config.num_attention_heads);
  add_size("attention.head_count_kv", attention_shape(config).k.rank);
  add_size("attention.key_length", config.head_dim);
  add_size("attention.value_length", config.head_dim);
  add_number("attention.layer_norm_rms_epsilon", config.rms_norm_eps);
  add_size("rope.dimension_count", config.head_dim);
  add_number("rope.freq_base", config.rope_theta);
}

void Export::add_yarn(const RopeScaling& scaling) {
  require(scaling.truncate && std::abs(scaling.attention_factor - yarn_attention_factor(scaling.factor)) < 1e-6,
          "{}: llama.cpp has no yarn with an \"attention_factor\" or \"truncate\" of its own", source_);
  writer_.add(key("rope.scaling.type"), "yarn");
  add_number("rope.scaling.factor", scaling.factor);
  add_size("rope.scaling.original_context_length", scaling.original_max_position_embeddings);
  add_number("rope.scaling.yarn_beta_fast", scaling.beta_fast);
  add_number("rope.scaling.yarn_beta_slow", scaling.beta_slow);
}

// Llama 3's scaling is the divisors of the frequencies, in a tensor that only files of Llama have.
void Export::add_divisors(const RopeScaling& scaling) {
  require(architecture_.gguf_interleaves, "{}: llama.cpp has no rope scaling \"llama3\" in a model of {}", source_,
          architecture_.title);
  const auto divisors = frequency_divisors(scaling, rotary_dim(model_.config), model_.config.rope_theta);
  const std::vector<float> numbers(divisors.begin(), divisors.end());
  writer_.add_tensor(std::string(kGgufFrequencies), floats({std::ssize(numbers)}, numbers));
}

void Export::add_rope_scaling() {
  const RopeScaling& scaling = model_.config.rope_scaling;
  switch (scaling.kind) {
    case RopeScalingKind::none:
      return;
    case RopeScalingKind::linear:
      writer_.add(key("rope.scaling.type"), "linear");
      return add_number("rope.scaling.factor", scaling.factor);
    case RopeScalingKind::yarn:
      return add_yarn(scaling);
    case RopeScalingKind::llama3:
      return add_divisors(scaling);
    case RopeScalingKind::dynamic:
      fail("{}: llama.cpp has no rope scaling \"dynamic\"", source_);
  }
}

TensorView Export::floats(const Shape& shape, const std::vector<float>& numbers) {
  const auto bytes = std::as_bytes(std::span(numbers));
  return {NumberType::f32, shape, new_bytes(model_, std::ssize(bytes), [&](std::span<std::byte> to) {
            std::copy(bytes.begin(), bytes.end(), to.begin());
          })};
}

// Vectors as float32, matrices as they are wanted.
TensorView Export::in_type(const std::string& name, const TensorView& tensor) {
  const bool matrix = tensor.shape.size() == 2;
  NumberType type = matrix ? type_.value_or(tensor.type) : NumberType::f32;
  if (matrix && has_blocks(type) && tensor.shape[1] % kWeightBlock != 0) type = NumberType::bf16;
  if (type == tensor.type) return tensor;
  const std::vector<float> numbers = dequantize(tensor);
  const int64_t bytes = stored_bytes(type, std::ssize(numbers));
  TensorView out = {type, tensor.shape, {}};
  out.bytes = new_bytes(model_, bytes, [&](std::span<std::byte> to) {
    quantize(context_, type, std::ssize(numbers), numbers.data(), to.data());
  });
  for (const float x : dequantize(out)) {
    require(std::isfinite(x), "{}: tensor \"{}\" holds a number that {} cannot", source_, name, number_type_name(type));
  }
  return out;
}

// Norms without weights are norms with weights of one.
void Export::add_ones() {
  ModelConfig with_norms = model_.config;
  with_norms.norm_weight = true;
  for (const Parameter& parameter : parameters(with_norms)) {
    if (parameter.part != Part::norm || model_.tensors.contains(parameter.name)) continue;
    const std::vector<float> ones(static_cast<size_t>(element_count(parameter.shape)), 1.0f);
    model_.tensors[parameter.name] = floats(parameter.shape, ones);
  }
  model_.config.norm_weight = true;
}

void Export::add_tensors() {
  if (!model_.config.norm_weight) add_ones();
  for (const Parameter& parameter : parameters(model_.config)) {
    const auto found = model_.tensors.find(parameter.name);
    require(found != model_.tensors.end() && found->second.shape == parameter.shape,
            "{}: the parameter \"{}\" is missing or not of shape {}", source_, parameter.name,
            format_shape(parameter.shape));
    TensorView tensor = in_type(parameter.name, found->second);
    if (architecture_.gguf_interleaves && is_query_or_key(parameter.name)) {
      interleave_halves(model_, tensor, model_.config.head_dim);
    }
    writer_.add_tensor(gguf_name(parameter.name, false), tensor);
  }
}

std::vector<std::string> Export::write(const std::filesystem::path& file) {
  require(!model_.tokenizer_json.empty(), "{}: the model has no tokenizer, and GGUF files have one", source_);
  add_config();
  std::vector<std::string> notes =
      add_gguf_tokenizer(writer_, model_.tokenizer_json, model_.text, model_.config.vocab_size, source_);
  add_rope_scaling();
  add_tensors();
  require(!path_exists(file), "{}: exists already", file.string());
  writer_.write(file);
  return notes;
}

}  // namespace

std::vector<std::string> export_gguf(Context& context, ImportedModel model, std::optional<NumberType> type,
                                     const std::string& source, const std::filesystem::path& file) {
  if (type) require_weight_type(*type);
  require(!path_exists(file), "{}: exists already", file.string());
  return Export(context, std::move(model), type, source).write(file);
}

}  // namespace t6
