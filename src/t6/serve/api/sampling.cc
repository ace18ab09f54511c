#include "t6/serve/api/sampling.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <random>

#include "t6/serve/api/api_error.h"

namespace t6 {
namespace {

uint64_t random_seed() {
  std::random_device device;
  return (uint64_t{device()} << 32 | device()) >> 1;
}

std::map<int32_t, double> read_bias(Body& body, int64_t vocab_size) {
  const OrderedJson* const found = body.find("logit_bias");
  if (!found) return {};
  if (!found->is_object()) bad_value("logit_bias", *found, "an object of token ids and numbers");
  std::map<int32_t, double> bias;
  for (const auto& [key, value] : found->items()) {
    int32_t id = -1;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
    if (error != std::errc() || end != key.data() + key.size() || id < 0 || id >= vocab_size) {
      bad_value("logit_bias", key, fmt::format("of ids from 0 to {}", vocab_size - 1));
    }
    if (!value.is_number() || !(value.get<double>() >= -100 && value.get<double>() <= 100)) {
      bad_value("logit_bias", value, "of numbers from -100 to 100");
    }
    // OpenAI's ends of the scale: never, and always.
    bias[id] = value.get<double>() <= -100 ? -std::numeric_limits<double>::infinity() : value.get<double>();
  }
  return bias;
}

}  // namespace

GenerateOptions read_sampling(Body& body, const Service& service) {
  constexpr double kMost = 1e9;
  GenerateOptions options;
  SamplerOptions& sampler = options.sampler = service.sampling;
  sampler.temperature = body.number("temperature", sampler.temperature, 0, 100);
  sampler.top_p = body.number("top_p", sampler.top_p, 0, 1);
  sampler.top_k = std::max<int64_t>(body.integer("top_k", sampler.top_k, -1, INT32_MAX), 0);
  sampler.min_p = body.number("min_p", sampler.min_p, 0, 1);
  sampler.typical_p = body.number("typical_p", sampler.typical_p, 0, 1);
  sampler.presence_penalty = body.number("presence_penalty", sampler.presence_penalty, -100, 100);
  sampler.frequency_penalty = body.number("frequency_penalty", sampler.frequency_penalty, -100, 100);
  sampler.repetition_penalty = body.number("repetition_penalty", sampler.repetition_penalty, 1e-3, kMost);
  sampler.penalty_window = service.context;
  sampler.penalize_prompt = false;
  sampler.logit_bias = read_bias(body, service.vocab_size());
  const int64_t seed =
      body.integer("seed", -1, std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max());
  sampler.seed = seed == -1 ? random_seed() : static_cast<uint64_t>(seed);
  options.min_tokens = body.integer("min_tokens", 0, 0, service.context);
  options.ignore_eos = body.boolean("ignore_eos", false);
  options.cache_salt = body.string("cache_salt");
  options.stop = body.strings("stop", service.limits.stops);
  for (const std::string& stop : options.stop) {
    if (stop.empty()) bad_value("stop", stop, "a text that is not empty");
  }
  options.stop_tokens = body.ids("stop_token_ids", service.limits.stops, service.vocab_size());
  return options;
}

int64_t read_max_tokens(Body& body, std::initializer_list<const char*> names, int64_t prompt_tokens,
                        const Service& service, int64_t fallback, int64_t least) {
  const int64_t context = service.context, room = context - prompt_tokens;
  const auto too_long = [&](const std::string& what) {
    throw ApiError(
        400,
        fmt::format("This model's maximum context length is {} tokens. However, {}. Please reduce the length "
                    "of the input or of the output.",
                    context, what),
        {}, "context_length_exceeded");
  };
  int64_t wanted = fallback;
  bool given = false;
  for (const char* name : names) {
    if (!body.has(name)) continue;
    const int64_t value = body.integer(name, 0, least, std::numeric_limits<int64_t>::max());
    if (!given) wanted = value;
    given = true;
  }
  if (prompt_tokens == 0) throw ApiError(400, "the prompt is empty");
  if (room < 0 || (room == 0 && wanted > 0)) too_long(fmt::format("your input has {} tokens", prompt_tokens));
  if (given && wanted > room) {
    too_long(fmt::format("you requested {} tokens ({} in the input, {} in the output)", prompt_tokens + wanted,
                         prompt_tokens, wanted));
  }
  return std::min(wanted, room);
}

void check_min_tokens(const GenerateOptions& options) {
  if (options.min_tokens <= options.max_tokens) return;
  throw ApiError(400,
                 fmt::format("min_tokens = {} are more than the {} at most", options.min_tokens, options.max_tokens),
                 "min_tokens");
}

Job::Clock::time_point read_deadline(Body& body, const Service& service) {
  const double most = std::chrono::duration<double>(service.limits.time).count();
  const double seconds = std::min(body.number("timeout", most, 1e-3, 1e9), most);
  return Job::Clock::now() + std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000));
}

void require_model(Body& body, const Service& service) {
  const std::optional<std::string> name = body.optional_string("model");
  if (!name || std::ranges::count(service.names, *name) > 0) return;
  throw ApiError(404, fmt::format("the model {} does not exist; this server has {}", shown(*name), service.names[0]),
                 "model", "model_not_found");
}

}  // namespace t6
