// What GGUF files call our parameters.
#pragma once

#include <string>

namespace t6 {

// "blk.0.attn_q.weight" for "model.layers.0.self_attn.q_proj.weight". Error: GGUF has no name for it.
std::string gguf_name(const std::string& name, bool post_norms);

// Whether rows of the parameter are turned by the rotation.
bool is_query_or_key(const std::string& name);

}  // namespace t6
