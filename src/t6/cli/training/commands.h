// The commands of `t6-train`, one file each.
#pragma once

#include <CLI/CLI.hpp>

namespace t6 {

void add_train(CLI::App& app);
void add_golden(CLI::App& app);
void add_bench(CLI::App& app);

}  // namespace t6
