#include "t6/nn/attention_path.h"

#include "t6/core/error.h"

namespace t6 {

AttentionPath parse_attention_path(const std::string& name, const std::string& source) {
  require(name == "fused" || name == "sdpa", "{} must be \"fused\" or \"sdpa\", not \"{}\"", source, name);
  return name == "fused" ? AttentionPath::fused : AttentionPath::sdpa;
}

}  // namespace t6
