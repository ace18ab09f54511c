// Models by name: the paper's ("small-tpa", tables 9 and 10) and small ones that train on a CPU ("nano-tpa",
// "micro-mha").
#pragma once

#include <string>
#include <vector>

#include "t6/model/config.h"

namespace t6 {

std::vector<std::string> preset_names();
// Error: no such preset; the message lists them.
ModelConfig preset(const std::string& name);
bool is_preset(const std::string& name);

}  // namespace t6
