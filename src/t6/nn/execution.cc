#include "t6/nn/execution.h"

#include "t6/core/error.h"

namespace t6 {

Precision parse_precision(const std::string& name, const std::string& source) {
  require(name == "float32" || name == "bfloat16", "{} must be \"float32\" or \"bfloat16\", not \"{}\"", source, name);
  return name == "float32" ? Precision::float32 : Precision::bfloat16;
}

Recompute parse_recompute(const std::string& name, const std::string& source) {
  require(name == "none" || name == "attention" || name == "layer",
          "{} must be \"none\", \"attention\" or \"layer\", not \"{}\"", source, name);
  if (name == "none") return Recompute::none;
  return name == "attention" ? Recompute::attention : Recompute::layer;
}

}  // namespace t6
