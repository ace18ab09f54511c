#include "t6/cli/serving/generation_flags.h"

#include <cstdio>
#include <limits>
#include <memory>
#include <random>

#include "t6/cli/flags.h"
#include "t6/core/error.h"
#include "t6/core/units.h"

namespace t6 {
namespace {

// "198=-1.5" or "198=-inf".
std::pair<int32_t, double> parse_bias(const std::string& text) {
  const size_t equals = text.find('=');
  int64_t id = -1;
  double bias = 0;
  const bool good = equals != std::string::npos && CLI::detail::lexical_cast(text.substr(0, equals), id) && id >= 0 &&
                    id <= std::numeric_limits<int32_t>::max() &&
                    CLI::detail::lexical_cast(text.substr(equals + 1), bias);
  if (!good) throw CLI::ValidationError("--logit-bias", "wanted ID=NUMBER, as in 198=-1.5, not \"" + text + "\"");
  return {static_cast<int32_t>(id), bias};
}

uint64_t random_seed() {
  std::random_device device;
  const uint64_t seed = (uint64_t{device()} << 32 | device()) >> 1;  // as --seed takes it
  fmt::print(stderr, "t6: seed {}\n", seed);
  return seed;
}

// The model's own value where the command's flag was not given; `words` tells of it.
template <typename Value, typename Own>
void take_own(const CLI::App& command, const char* flag, const std::optional<Own>& own, Value& value,
              std::string& words) {
  if (!own || command.get_option(flag)->count() > 0) return;
  value = *own;
  words += fmt::format("{}{} {}", words.empty() ? "" : ", ", flag + 2, value);
}

void take_model_sampling(const CLI::App& command, const SamplingSettings& own, SamplerOptions& options) {
  std::string words;
  take_own(command, "--temperature", own.temperature, options.temperature, words);
  take_own(command, "--top-k", own.top_k, options.top_k, words);
  take_own(command, "--top-p", own.top_p, options.top_p, words);
  take_own(command, "--min-p", own.min_p, options.min_p, words);
  take_own(command, "--typical-p", own.typical_p, options.typical_p, words);
  take_own(command, "--repetition-penalty", own.repetition_penalty, options.repetition_penalty, words);
  if (!words.empty()) fmt::print(stderr, "t6: as the model's settings say: {}\n", words);
  for (const std::string& each : own.unused) fmt::print(stderr, "t6: the model's settings, not used: {}\n", each);
}

// An id, or a text that is one token.
int32_t stop_token(const LoadedModel& loaded, const std::string& text) {
  int64_t id = 0;
  if (text.find_first_not_of("0123456789") == std::string::npos && CLI::detail::lexical_cast(text, id)) {
    require(id < loaded.config().vocab_size, "--stop-token {}: the model's vocabulary has {} tokens", text,
            loaded.config().vocab_size);
    return static_cast<int32_t>(id);
  }
  std::vector<int32_t> ids;
  loaded.tokenizer->encode_further(text, ids);
  require(ids.size() == 1, "--stop-token {:?} is {} tokens, not one; --stop ends before any text", text, ids.size());
  return ids[0];
}

}  // namespace

void add_choice_flags(CLI::App& command, ChoiceFlags& flags) {
  SamplerOptions& options = flags.sampler;
  const auto number = [&](const char* name, auto& value, const char* help) {
    command.add_option(name, value, help)->capture_default_str()->group("Choosing tokens");
  };
  number("--temperature", options.temperature, "Randomness; 0 takes the likeliest token");
  number("--top-k", options.top_k, "Choose among the k likeliest tokens; 0: all");
  number("--top-p", options.top_p, "Choose among the likeliest tokens of this probability");
  number("--min-p", options.min_p, "Choose among tokens of this share of the likeliest one's probability");
  number("--typical-p", options.typical_p, "Choose among the most typical tokens of this probability");
  number("--repetition-penalty", options.repetition_penalty, "Divides the logits of recent tokens; 1: none");
  number("--presence-penalty", options.presence_penalty, "Taken from the logits of recent tokens");
  number("--frequency-penalty", options.frequency_penalty, "Taken from them for each time that they came");
  number("--penalty-window", options.penalty_window, "How many tokens are recent");
  command
      .add_option_function<std::vector<std::string>>(
          "--logit-bias",
          [&options](const std::vector<std::string>& texts) {
            for (const std::string& text : texts) options.logit_bias.insert(parse_bias(text));
          },
          "ID=NUMBER, added to the logit of a token (may be given several times)")
      ->allow_extra_args(false)
      ->group("Choosing tokens");
  command
      .add_option_function<int64_t>(
          "--seed", [&options](int64_t seed) { options.seed = seed < 0 ? random_seed() : static_cast<uint64_t>(seed); },
          "The same seed gives the same text; -1: another one each time, printed on standard error")
      ->check(CLI::Range(int64_t{-1}, INT64_MAX).description(""))
      ->default_str("0")
      ->group("Choosing tokens");
  command
      .add_option("--stop-token", flags.stop_tokens,
                  "End at this token, an id or a text that is one token (may be given several times)")
      ->type_name("ID|TEXT")
      ->allow_extra_args(false)
      ->group("Choosing tokens");
}

void apply_choice(const CLI::App& command, const ChoiceFlags& flags, const LoadedModel& loaded,
                  GenerateOptions& options) {
  options.sampler = flags.sampler;
  for (const std::string& text : flags.stop_tokens) options.stop_tokens.push_back(stop_token(loaded, text));
  take_model_sampling(command, loaded.text.sampling, options.sampler);
}

void add_cache_type_flag(CLI::App& command, std::string& type) {
  command.add_option("--cache-type", type, "Numbers of the cache")
      ->check(CLI::IsMember(cache_type_names()))
      ->capture_default_str()
      ->group("Cache");
}

void add_cache_flags(CLI::App& command, CacheFlags& flags) {
  add_cache_type_flag(command, flags.type);
  command.add_option("--cache-memory", flags.memory, "What the cache may take at most, as in 2GiB (default: no limit)")
      ->group("Cache");
  command.add_option("--context", flags.context, "Tokens that the cache may hold (default: the model's context)")
      ->check(count_from(1))
      ->group("Cache");
}

CacheOptions cache_options(const CacheFlags& flags) {
  CacheOptions options = {.limit = flags.context, .type = parse_cache_type(flags.type)};
  if (!flags.memory.empty()) options.memory = std::make_shared<CacheMemory>(parse_bytes(flags.memory));
  return options;
}

void warn_beyond_context(const LoadedModel& loaded, int64_t tokens) {
  const int64_t longest = loaded.config().max_position_embeddings;
  if (tokens <= longest) return;
  fmt::print(stderr, "t6: windows of {} tokens are longer than the model's context of {}; its rotation extrapolates\n",
             format_digits(tokens), format_digits(longest));
}

}  // namespace t6
