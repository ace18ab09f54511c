#include "t6/import/paper_checkpoint.h"

#include <numeric>
#include <utility>

#include "t6/core/error.h"
#include "t6/formats/json.h"
#include "t6/model/factors.h"
#include "t6/model/parameters.h"

namespace t6 {
namespace {

// Row i of ours is sign[i] times row source[i] of theirs.
struct Rows {
  std::vector<int64_t> source;
  std::vector<float> sign;
};

Rows identity(int64_t count) {
  Rows rows{std::vector<int64_t>(static_cast<size_t>(count)), std::vector<float>(static_cast<size_t>(count), 1)};
  std::iota(rows.source.begin(), rows.source.end(), 0);
  return rows;
}

Rows rank_major(int64_t heads, int64_t rank) {
  Rows rows = identity(heads * rank);
  for (int64_t r = 0; r < rank; ++r) {
    for (int64_t h = 0; h < heads; ++h) rows.source[static_cast<size_t>(r * heads + h)] = h * rank + r;
  }
  return rows;
}

// Blocks of `block` rows whose features [begin, begin + rotated) turn the other way.
Rows counter_rotated(int64_t count, int64_t block, int64_t begin, int64_t rotated) {
  Rows rows = identity(count);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t feature = i % block - begin;
    if (feature >= rotated / 2 && feature < rotated) rows.sign[static_cast<size_t>(i)] = -1;
  }
  return rows;
}

struct Origin {
  std::string name;  // the reference's
  Rows rows;
};

Origin attention_origin(const std::string& name, int64_t count, const ModelConfig& c) {
  const AttentionShape shape = attention_shape(c);
  const int64_t H = c.num_attention_heads, D = c.head_dim, rope = c.qk_rope_head_dim, rotated = rotary_dim(c);
  const std::string qkv = c.is_factored() ? "c_qkv." : "";
  const auto factor = [&](const char* letter) {
    return fmt::format("{}W_{}_{}.weight", qkv, letter, name.substr(0, 1));
  };
  if (name == "q_proj.a.weight") return {factor("A"), rank_major(H, shape.q.rank)};
  if (name == "k_proj.a.weight") return {factor("A"), rank_major(H, shape.k.rank)};
  if (name == "v_proj.a.weight") return {factor("A"), rank_major(H, shape.v.rank)};
  if (name == "q_proj.b.weight" || name == "k_proj.b.weight")
    return {factor("B"), counter_rotated(count, D, 0, rotated)};
  if (name == "v_proj.b.weight") return {factor("B"), identity(count)};
  if (name == "q_proj.weight" || name == "k_proj.weight") {
    return {qkv + "c_" + name.substr(0, 1) + ".weight", counter_rotated(count, D, 0, rotated)};
  }
  if (name == "v_proj.weight") return {qkv + "c_v.weight", identity(count)};
  if (name == "o_proj.weight") return {"c_proj.weight", identity(count)};
  if (name == "head_norm.weight") return {"subln.weight", identity(count)};
  if (name == "q_b_proj.weight") return {name, counter_rotated(count, D + rope, D, rope)};
  if (name == "kv_a_proj_with_mqa.weight") return {name, counter_rotated(count, count, c.kv_lora_rank, rope)};
  return {name, identity(count)};  // the rest of MLA carries the same names
}

Origin origin(const std::string& name, int64_t count, const ModelConfig& config) {
  if (name == "model.embed_tokens.weight") return {"transformer.wte.weight", identity(count)};
  for (int64_t i = 0; i < config.num_hidden_layers; ++i) {
    const std::string ours = layer_prefix(i), theirs = fmt::format("transformer.h.{}.", i);
    if (!name.starts_with(ours)) continue;
    const std::string rest = name.substr(ours.size());
    if (rest == "mlp.gate_proj.weight") return {theirs + "mlp.c_fc1.weight", identity(count)};
    if (rest == "mlp.up_proj.weight") return {theirs + "mlp.c_fc2.weight", identity(count)};
    if (rest == "mlp.down_proj.weight") return {theirs + "mlp.c_proj.weight", identity(count)};
    Origin found = attention_origin(rest.substr(std::string("self_attn.").size()), count, config);
    found.name = theirs + "attn." + found.name;
    return found;
  }
  fail("the reference code has no parameter like \"{}\"", name);
}

struct KnownModel {
  const char* name;
  AttentionKind kind;
  bool partial_rope;
};

// "ropek" models rotate after the product, which is the same function (Theorem 3.1).
constexpr KnownModel kModels[] = {{"llama-mha", AttentionKind::mha, false},
                                  {"llama-mha-partialrope", AttentionKind::mha, true},
                                  {"llama-gqa", AttentionKind::gqa, false},
                                  {"llama-gqa-partialrope", AttentionKind::gqa, true},
                                  {"llama-mla", AttentionKind::mla, false},
                                  {"T6", AttentionKind::tpa, false},
                                  {"T6_ropek", AttentionKind::tpa, false},
                                  {"T6_partialrope", AttentionKind::tpa, true},
                                  {"T6_kvonly", AttentionKind::tpa_kvonly, false},
                                  {"T6_kvonly_ropek", AttentionKind::tpa_kvonly, false},
                                  {"T6_kvonly_partialrope", AttentionKind::tpa_kvonly, true}};

// The code's dense models (mha) cut the width into heads, whatever head_dim says; in the others head_dim says it.
int64_t head_dim(const KnownModel& model, const JsonObject& object) {
  if (model.kind != AttentionKind::mha) return object.integer("head_dim", 1, kMaxModelSize);
  const int64_t width = object.integer("n_embd", 1, kMaxModelSize), heads = object.integer("n_head", 1, kMaxModelSize);
  require(width % heads == 0, "{}: n_head {} does not divide n_embd {}", object.source(), heads, width);
  return width / heads;
}

const std::string& metadata(const SafetensorsFile& file, const std::string& key) {
  const auto found = file.metadata().find(key);
  require(found != file.metadata().end(), "{}: the metadata \"{}\" is missing", file.path().string(), key);
  return found->second;
}

}  // namespace

ModelConfig paper_config(const SafetensorsFile& file) {
  const std::string source = file.path().string() + ": metadata \"config\"";
  const Json json = parse_json(metadata(file, "config"), source);
  return paper_config(metadata(file, "model"), JsonObject(json, source));
}

ModelConfig paper_config(const std::string& name, const JsonObject& object) {
  const std::string& source = object.source();
  const KnownModel* model = nullptr;
  std::string names;
  for (const KnownModel& known : kModels) {
    if (name == known.name) model = &known;
    names += (names.empty() ? "" : ", ") + std::string(known.name);
  }
  require(model != nullptr, "{}: the reference model \"{}\" is not known ({} are)", source, name, names);
  const auto size = [&](const char* key) { return object.integer(key, 1, kMaxModelSize); };

  ModelConfig config;
  config.attention_kind = model->kind;
  config.vocab_size = size("vocab_size");
  config.num_hidden_layers = size("n_layer");
  config.hidden_size = size("n_embd");
  config.num_attention_heads = size("n_head");
  config.head_dim = head_dim(*model, object);
  config.max_position_embeddings = size("block_size");
  config.norm_weight = false;
  config.head_output_norm = object.boolean_or("using_groupnorm", false);
  if (model->partial_rope) {
    config.partial_rotary_factor = object.number_or("rope_partial_factor", 1.0 / 3, 0, 1);  // the reference's default
  }
  if (config.is_factored()) {
    config.k_rank = config.v_rank = size("rank");
    if (config.attention_kind == AttentionKind::tpa) config.q_rank = size("q_rank");
  } else if (config.attention_kind == AttentionKind::gqa) {
    const int64_t group = size("group_size");
    require(config.num_attention_heads % group == 0, "{}: group_size {} does not divide n_head {}", source, group,
            config.num_attention_heads);
    config.num_key_value_heads = config.num_attention_heads / group;
  } else if (config.attention_kind == AttentionKind::mla) {
    // The code's training script sets none of these, so its files hold none: then they are the model's defaults.
    const auto size_or = [&](const char* key, int64_t fallback) {
      return object.integer_or(key, fallback, 1, kMaxModelSize);
    };
    config.qk_rope_head_dim = size_or("qk_rope_head_dim", 32);
    config.q_lora_rank = size_or("q_lora_rank", 512);
    config.kv_lora_rank = size_or("kv_lora_rank", 256);
    config.v_head_dim = size_or("v_head_dim", 64);
  }
  check_config(config, source);
  return config;
}

NamedFloats paper_tensors(const SafetensorsFile& file, const ModelConfig& config, const std::string& prefix) {
  return paper_tensors(file.tensors(), config, prefix, file.path().string());
}

NamedFloats paper_tensors(const TensorViews& tensors, const ModelConfig& config, const std::string& prefix,
                          const std::string& source) {
  NamedFloats all;
  for (const Parameter& parameter : parameters(config)) {
    const int64_t rows = parameter.shape.front(), total = element_count(parameter.shape), columns = total / rows;
    Origin from = origin(parameter.name, rows, config);
    // Embedding and head are one tensor there too, listed under either name.
    if (!tensors.contains(prefix + from.name) && from.name == "transformer.wte.weight") from.name = "lm_head.weight";
    std::vector<float> theirs(static_cast<size_t>(total)), ours(theirs.size());
    copy_as_float(tensor_at(tensors, prefix + from.name, parameter.shape, source), prefix + from.name, theirs);
    for (int64_t row = 0; row < rows; ++row) {
      const auto i = static_cast<size_t>(row);
      for (int64_t column = 0; column < columns; ++column) {
        ours[static_cast<size_t>(row * columns + column)] =
            from.rows.sign[i] * theirs[static_cast<size_t>(from.rows.source[i] * columns + column)];
      }
    }
    all[parameter.name] = std::move(ours);
  }
  return all;
}

}  // namespace t6
