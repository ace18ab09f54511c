// t6 generate: continues a text.
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>

#include "t6/cli/flags.h"
#include "t6/cli/interrupt.h"
#include "t6/cli/program.h"
#include "t6/cli/serving/chat_flags.h"
#include "t6/cli/serving/commands.h"
#include "t6/cli/serving/generation_flags.h"
#include "t6/cli/serving/show_text.h"
#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/core/threads.h"
#include "t6/core/units.h"
#include "t6/formats/json.h"
#include "t6/infer/generate.h"
#include "t6/text/utf8.h"

namespace t6 {
namespace {

struct GenerateCommandOptions {
  std::string model, prompt_file;
  std::optional<std::string> prompt;
  GenerateOptions generate;
  ChoiceFlags choice;
  CacheFlags cache;
  int threads = processor_count();
  bool json = false, is_chat = false;
  ChatFlags chat;
};

std::string read_prompt(const GenerateCommandOptions& options) {
  if (options.prompt) return *options.prompt;
  if (!options.prompt_file.empty()) return read_text(options.prompt_file);
  require(isatty(STDIN_FILENO) == 0, "no prompt: give --prompt, --prompt-file, or a text on standard input");
  return {std::istreambuf_iterator<char>(std::cin), {}};
}

// A token as JSON: its id, its text and its log-probability; its bytes, too, where they are no text by themselves.
Json token_json(const LoadedModel& loaded, const TokenLogProbability& token) {
  const std::string bytes = loaded.tokenizer->decode_bytes({&token.id, 1}, /*skip_special=*/false);
  Json json = {{"id", token.id}, {"text", bytes}, {"log_probability", token.value}};
  if (!is_valid_utf8(bytes)) json["bytes"] = std::vector<uint8_t>(bytes.begin(), bytes.end());
  return json;
}

// The tokens that were written. Their texts make up what was written: a character that several tokens spell stands
// with the last of them.
Json written_json(const LoadedModel& loaded, const std::vector<WrittenToken>& tokens) {
  Json list = Json::array();
  StreamDecoder decoder(loaded.tokenizer, /*skip_special=*/false);
  for (const WrittenToken& token : tokens) {
    Json written = token_json(loaded, {token.id, token.log_probability});
    written["text"] = decoder.push(token.id);
    for (const TokenLogProbability& other : token.likeliest) written["likeliest"].push_back(token_json(loaded, other));
    list.push_back(std::move(written));
  }
  if (!list.empty()) list.back()["text"] = list.back()["text"].get<std::string>() + decoder.finish();
  return list;
}

void print_json(const LoadedModel& loaded, const Generated& result) {
  Json json = {{"text", result.text},
               {"stop_reason", stop_reason_name(result.reason)},
               {"prompt_tokens", result.prompt_tokens},
               {"tokens", result.tokens},
               {"prompt_tokens_per_second", result.prompt_rate()},
               {"decode_tokens_per_second", result.decode_rate()},
               {"cache_bytes", result.cache_bytes},
               {"cache_bytes_per_token", result.cache_bytes_per_token}};
  if (!result.written.empty()) json["log_probabilities"] = written_json(loaded, result.written);
  fmt::print("{}\n", json.dump(2, ' ', false, Json::error_handler_t::replace));
}

void print_statistics(const Generated& result) {
  fmt::print(stderr,
             "t6: {} prompt tokens at {} tokens/s, {} tokens at {} tokens/s; cache {}, {} bytes per token; "
             "stopped: {}\n",
             format_digits(result.prompt_tokens), format_count(result.prompt_rate()), format_digits(result.tokens),
             format_count(result.decode_rate()), format_bytes(static_cast<double>(result.cache_bytes)),
             format_digits(result.cache_bytes_per_token), stop_reason_name(result.reason));
}

void run(const CLI::App& command, const GenerateCommandOptions& options) {
  Context context(options.threads);
  const std::string prompt = read_prompt(options);
  const LoadedModel loaded = load_model(context, options.model);
  print_notes(loaded.notes);
  catch_interrupts();
  GenerateOptions generate_options = options.generate;
  apply_choice(command, options.choice, loaded, generate_options);
  generate_options.cancel = &interrupt_token();
  const auto show = [&](std::string_view piece) {
    if (!options.json) show_text(piece);
  };
  const CacheOptions cache = cache_options(options.cache);
  const Generated result =
      options.is_chat ? begin_conversation(context, loaded, options.chat, cache).ask(prompt, generate_options, show)
                      : generate(context, loaded, prompt, generate_options, show, cache);
  if (options.json) return print_json(loaded, result);
  if (!result.text.ends_with('\n')) fmt::print("\n");
  std::fflush(stdout);
  print_statistics(result);
}

}  // namespace

void add_generate(CLI::App& app) {
  auto options = std::make_shared<GenerateCommandOptions>();
  GenerateOptions& generate = options->generate;
  CLI::App* command = app.add_subcommand("generate", "Continue a text with a model");
  add_model_argument(*command, options->model);
  auto* prompt = command->add_option("-p,--prompt", options->prompt, "The text to continue");
  command->add_option("--prompt-file", options->prompt_file, "A file with the text (default: standard input)")
      ->excludes(prompt);
  command->add_option("-n,--max-tokens", generate.max_tokens, "Tokens to generate at most")
      ->check(count_from(1))
      ->capture_default_str();
  command->add_option("--stop", generate.stop, "End before this text (may be given several times)")
      ->allow_extra_args(false);
  auto* chat = command->add_flag("--chat", options->is_chat, "The text is a message; the model answers it");
  for (CLI::Option* option : add_chat_flags(*command, options->chat)) option->needs(chat);
  add_choice_flags(*command, options->choice);
  add_cache_flags(*command, options->cache);
  auto* json = command->add_flag("--json", options->json, "Print the text and the statistics as JSON, at the end");
  command
      ->add_option("--log-probabilities", generate.log_probabilities,
                   "With --json: the log-probability of each token and of this many likeliest ones")
      ->check(count_from(0))
      ->needs(json);
  add_threads_flag(*command, options->threads);
  command->footer(
      "The text goes to standard output as it comes; speed and cache size, measured in the run, to standard error.\n"
      "Where the model's settings (generation_config.json) say how tokens are chosen, that is the default.\n"
      "Examples:\n"
      "  t6 generate runs/demo --prompt 'Once upon a time' --max-tokens 100\n"
      "  t6 generate model.gguf --chat --prompt 'Name three rivers.'\n"
      "  t6 generate runs/demo --prompt-file start.txt --temperature 0 --stop 'The end'\n"
      "  echo 'To be' | t6 generate runs/demo --top-p 0.9 --seed 7 --json");
  command->callback([=] { run(*command, *options); });
}

}  // namespace t6
