#include "t6/cli/flags.h"

#include "t6/core/threads.h"

namespace t6 {

void add_threads_flag(CLI::App& command, int& threads) {
  command.add_option("-t,--threads", threads, "Threads to use")
      ->check(CLI::Range(1, kMostThreads).description(""))
      ->capture_default_str();
}

CLI::Validator count_from(int64_t least) { return CLI::Range(least, INT64_MAX).description(""); }

void add_model_argument(CLI::App& command, std::string& model) {
  command.add_option("model", model, "A model: its folder, a training run's, a GGUF file, or a Hugging Face folder")
      ->required();
}

}  // namespace t6
