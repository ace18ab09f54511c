// How the authors of LongBench ask: prompts.json, a part of the program.
#pragma once

#include <string_view>

namespace t6 {

std::string_view longbench_prompts_text();

}  // namespace t6
