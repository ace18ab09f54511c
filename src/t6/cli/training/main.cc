// The program t6-train: the commands that need LibTorch.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

#include "t6/cli/program.h"
#include "t6/cli/training/commands.h"
#include "t6/core/version.h"

namespace {

// OpenMP's threads spin at the end of every operation for as long as some milliseconds, and beside any other busy
// process each waits for a core that another spins on: two threads then train a small model twenty times slower than
// one. A short spin costs nothing on a quiet machine. libgomp reads this once, when it is loaded: so set it, and start
// again.
void bound_spinning(char** argv) {
  if (std::getenv("GOMP_SPINCOUNT") || std::getenv("OMP_WAIT_POLICY")) return;
  ::setenv("GOMP_SPINCOUNT", "1000", 1);
  ::execv("/proc/self/exe", argv);  // when it cannot, the program goes on as it is
}

}  // namespace

int main(int argc, char** argv) {
  bound_spinning(argv);
  CLI::App app("The training wing of T6", "t6-train");
  app.require_subcommand(1);
  app.set_version_flag("--version", fmt::format("t6-train {}", t6::version()));
  t6::add_train(app);
  t6::add_golden(app);
  t6::add_bench(app);
  return t6::run_program(app, argc, argv);
}
