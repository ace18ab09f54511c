// The program t6-train: the commands that need LibTorch.
#include "t6/cli/program.h"
#include "t6/cli/training/commands.h"

int main(int argc, char** argv) {
  CLI::App app("The training wing of T6", "t6-train");
  app.require_subcommand(1);
  t6::add_train(app);
  return t6::run_program(app, argc, argv);
}
