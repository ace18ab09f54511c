// What several commands take.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace t6 {

// Adds -t, --threads.
void add_threads_flag(CLI::App& command, int& threads);

// Adds the required argument of every command that runs a model, whatever form it has.
void add_model_argument(CLI::App& command, std::string& model);

}  // namespace t6
