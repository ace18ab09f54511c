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

}  // namespace

void add_sampler_flags(CLI::App& command, SamplerOptions& options) {
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

}  // namespace t6
