// What every program of the house does the same way: parse, call, and turn an Error into one line and exit
// code 1.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

namespace t6 {

// Runs the chosen command of `app`. Exit codes: 0, 1 (t6: error: ...), 2 (wrong usage); a command that was interrupted
// and has tidied up ends by its signal, 130 for a shell after Ctrl-C.
int run_program(CLI::App& app, int argc, char** argv);

// What a user should know of files that were read, a line each on standard error.
void print_notes(const std::vector<std::string>& notes);

// Replaces this process by the program `name` that lies beside it, with `arguments`. Error: it was not built.
[[noreturn]] void run_beside(const std::string& name, const std::vector<std::string>& arguments);

// Runs the program `name` that lies beside this one and waits for it; `output`, where given, takes what it writes to
// standard output. False: it could not be run, or ended with another exit code than 0.
bool call_beside(const std::string& name, const std::vector<std::string>& arguments, std::string* output = nullptr);

// The same for work that takes long: `output` takes what it writes to standard output and error, `watch` is called many
// times a second until it ends, and it is sent SIGTERM when this process ends before it, however that ends.
bool supervise_beside(const std::string& name, const std::vector<std::string>& arguments, std::string& output,
                      const std::function<void()>& watch);

// The full path of the program `name` beside this one; empty when there is none.
std::string path_beside(const std::string& name);

}  // namespace t6
