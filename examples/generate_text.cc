// Loads a model and goes on with a text: generate_text MODEL PROMPT. MODEL is all that `t6 generate` takes: a folder of
// ours, a training run's, a GGUF file, or a folder of Hugging Face's.
#include <cstdio>
#include <exception>
#include <string_view>

#include "t6/infer/generate.h"
#include "t6/infer/load.h"

namespace {

void run(const char* path, std::string_view prompt) {
  t6::Context context;  // threads and working memory
  const t6::LoadedModel loaded = t6::load_model(context, path);
  const t6::GenerateOptions options = {.max_tokens = 50, .sampler = {.temperature = 0.8, .seed = 7}};
  // The text comes in pieces of whole characters, as the model writes them.
  const auto show = [](std::string_view piece) {
    std::fwrite(piece.data(), 1, piece.size(), stdout);
    std::fflush(stdout);
  };
  const t6::Generated result = t6::generate(context, loaded, prompt, options, show);
  std::fprintf(stderr, "\n%d tokens at %.0f tokens/s; the cache holds %d bytes per token\n",
               static_cast<int>(result.tokens), result.decode_rate(), static_cast<int>(result.cache_bytes_per_token));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: generate_text MODEL PROMPT\n");
    return 2;
  }
  try {
    run(argv[1], argv[2]);
  } catch (const std::exception& error) {  // t6::Error says what is wrong with which file
    std::fprintf(stderr, "generate_text: error: %s\n", error.what());
    return 1;
  }
}
