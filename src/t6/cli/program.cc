#include "t6/cli/program.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <filesystem>
#include <new>
#include <system_error>

#include "t6/core/error.h"

namespace t6 {

int run_program(CLI::App& app, int argc, char** argv) {
  try {
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    app.exit(error);
    return 2;
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "t6: error: out of memory\n");
  } catch (const std::exception& error) {
    fmt::print(stderr, "t6: error: {}\n", error.what());
  }
  return 1;
}

std::string path_beside(const std::string& name) {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  const auto path = self.parent_path() / name;
  return !error && ::access(path.c_str(), X_OK) == 0 ? path.string() : std::string();
}

void run_beside(const std::string& name, const std::vector<std::string>& arguments) {
  std::string path = path_beside(name);
  require(!path.empty(),
          "this command needs the program {}, which was not built beside t6; build it with 'make build' "
          "(the training wing, -DT6_TRAINING=ON)",
          name);
  std::vector<char*> argv = {path.data()};
  std::vector<std::string> copies = arguments;
  for (auto& argument : copies) argv.push_back(argument.data());
  argv.push_back(nullptr);
  ::execv(path.c_str(), argv.data());
  fail("{}: cannot run: {}", path, std::strerror(errno));
}

}  // namespace t6
