// What several commands take.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

namespace t6 {

// Adds -t, --threads.
void add_threads_flag(CLI::App& command, int& threads);

// A whole number from `least` on, with a short message for what is not.
CLI::Validator count_from(int64_t least);

// Adds the required argument of every command that runs a model, whatever form it has.
void add_model_argument(CLI::App& command, std::string& model);

}  // namespace t6
