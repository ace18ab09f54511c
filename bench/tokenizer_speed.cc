// Megabytes of text a second that one thread encodes and decodes.
//
//   build/release/bench/tokenizer_speed --tokenizer tokenizer.json book.txt
#include <CLI/CLI.hpp>
#include <vector>

#include "t6/bench/timing.h"
#include "t6/cli/program.h"
#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/formats/json.h"
#include "t6/text/tokenizer.h"

namespace t6 {
namespace {

void run(const std::string& tokenizer_path, const std::string& text_path) {
  const auto tokenizer = tokenizer_path == "bytes" ? byte_tokenizer() : load_tokenizer(tokenizer_path);
  const std::string text = read_text(text_path);
  std::vector<int32_t> ids;
  std::string decoded;
  const double encode = time_runs([&] { ids = tokenizer->encode(text); }).best_s;
  const double decode = time_runs([&] { decoded = tokenizer->decode(ids, false); }).best_s;
  const double megabytes = static_cast<double>(text.size()) / 1e6;
  const Json row = {
      {"tokenizer", tokenizer_path},  {"vocab_size", tokenizer->vocab_size()}, {"bytes", text.size()},
      {"tokens", ids.size()},         {"encode_mb_s", megabytes / encode},     {"decode_mb_s", megabytes / decode},
      {"round_trip", decoded == text}};
  fmt::print("{}\n", row.dump());
}

}  // namespace
}  // namespace t6

int main(int argc, char** argv) {
  CLI::App app("Tokenizer speed on one thread");
  std::string tokenizer = "bytes", text;
  app.add_option("--tokenizer", tokenizer, "A tokenizer.json, or 'bytes'")->capture_default_str();
  app.add_option("text", text, "A text file")->required();
  app.callback([&] { t6::run(tokenizer, text); });
  return t6::run_program(app, argc, argv);
}
