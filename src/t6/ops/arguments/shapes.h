// What the operators' checks share: shapes in words.
#pragma once

#include <torch/torch.h>

#include <sstream>
#include <string>

namespace t6 {

// "[2, 3]". Sizes may be symbols, as they are while torch.compile traces.
inline std::string shape_of(const torch::Tensor& tensor) {
  std::ostringstream text;
  text << tensor.sym_sizes();
  return text.str();
}

}  // namespace t6
