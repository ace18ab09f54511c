#include "t6/import/gguf/names.h"

#include <span>
#include <string_view>

#include "t6/core/error.h"

namespace t6 {
namespace {

struct NamePair {
  std::string_view ours, theirs;
};

// Of the norms around attention and feed-forward of a layer.
std::span<const NamePair> norm_names(bool post_norms) {
  static constexpr NamePair kBefore[] = {{"input_layernorm", "attn_norm"}, {"post_attention_layernorm", "ffn_norm"}};
  static constexpr NamePair kAround[] = {{"input_layernorm", "attn_norm"},
                                         {"post_attention_layernorm", "post_attention_norm"},
                                         {"pre_feedforward_layernorm", "ffn_norm"},
                                         {"post_feedforward_layernorm", "post_ffw_norm"}};
  return post_norms ? std::span<const NamePair>(kAround) : std::span<const NamePair>(kBefore);
}

}  // namespace

std::string gguf_name(const std::string& name, bool post_norms) {
  constexpr NamePair kWhole[] = {{"model.embed_tokens.weight", "token_embd.weight"},
                                 {"model.norm.weight", "output_norm.weight"},
                                 {"lm_head.weight", "output.weight"}};
  constexpr NamePair kOfLayer[] = {
      {"self_attn.q_proj", "attn_q"},      {"self_attn.k_proj", "attn_k"},      {"self_attn.v_proj", "attn_v"},
      {"self_attn.o_proj", "attn_output"}, {"self_attn.q_norm", "attn_q_norm"}, {"self_attn.k_norm", "attn_k_norm"},
      {"mlp.gate_proj", "ffn_gate"},       {"mlp.up_proj", "ffn_up"},           {"mlp.down_proj", "ffn_down"}};
  for (const NamePair& part : kWhole) {
    if (name == part.ours) return std::string(part.theirs);
  }
  // "model.layers." LAYER "." PART "." ("weight" or "bias")
  constexpr size_t kLayers = std::string_view("model.layers.").size();
  const size_t dot = name.find('.', kLayers), last = name.rfind('.');
  const std::string part = name.substr(dot + 1, last - dot - 1);
  for (const std::span<const NamePair> names : {norm_names(post_norms), std::span<const NamePair>(kOfLayer)}) {
    for (const NamePair& known : names) {
      if (part != known.ours) continue;
      return fmt::format("blk.{}.{}{}", name.substr(kLayers, dot - kLayers), known.theirs, name.substr(last));
    }
  }
  fail("GGUF has no name for the parameter \"{}\"", name);
}

bool is_query_or_key(const std::string& name) {
  return name.find(".q_proj.") != std::string::npos || name.find(".k_proj.") != std::string::npos;
}

}  // namespace t6
