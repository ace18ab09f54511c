#include "t6/compare/match.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "t6/core/error.h"
#include "t6/core/units.h"
#include "t6/model/costs.h"

namespace t6 {
namespace {

using Pinned = std::set<std::string>;

bool is_possible(const ModelConfig& config) {
  try {
    check_config(config, "");
    return true;
  } catch (const Error&) {
    return false;
  }
}

double distance(int64_t found, int64_t wanted) {
  return std::abs(static_cast<double>(found) / static_cast<double>(wanted) - 1);
}

// A size that the cache grows with: its key (two keys that stay equal: k_rank and v_rank) and the steps it comes in.
struct Knob {
  std::vector<const char*> keys;
  std::vector<int64_t ModelConfig::*> fields;
  int64_t step = 1;

  int64_t value(const ModelConfig& config) const { return config.*fields.front(); }
  void set(ModelConfig& config, int64_t value) const {
    for (const auto field : fields) config.*field = value;
  }
  std::string name() const { return fmt::format("{}", fmt::join(keys, " = ")); }
};

Knob rank_knob(const Pinned& pinned) {
  Knob knob;
  if (!pinned.contains("k_rank")) knob.keys.push_back("k_rank"), knob.fields.push_back(&ModelConfig::k_rank);
  if (!pinned.contains("v_rank")) knob.keys.push_back("v_rank"), knob.fields.push_back(&ModelConfig::v_rank);
  return knob;
}

// What the cache of a kind follows from, the coarse size first.
std::vector<Knob> cache_knobs(const ModelConfig& config, const Pinned& pinned) {
  using enum AttentionKind;
  const Knob heads = {{"num_attention_heads"}, {&ModelConfig::num_attention_heads}};
  const Knob groups = {{"num_key_value_heads"}, {&ModelConfig::num_key_value_heads}};
  const Knob width = {{"head_dim"}, {&ModelConfig::head_dim}, 2 * config.third_order_dim};
  const Knob latent = {{"kv_lora_rank"}, {&ModelConfig::kv_lora_rank}};
  std::vector<Knob> knobs;
  if (config.is_factored()) {
    knobs = {rank_knob(pinned), config.head_factors == FactorSource::contextual ? heads : width};
  } else if (config.attention_kind == mla) {
    knobs = {latent};
  } else if (config.attention_kind == gqa) {
    knobs = {groups, width};
  } else if (config.attention_kind == mha) {
    knobs = {heads, width};
  } else {
    knobs = {width};
  }
  std::erase_if(knobs, [&](const Knob& knob) { return knob.keys.empty() || pinned.contains(knob.keys.front()); });
  return knobs;
}

// Whether the cache grows with the heads: where each has a feature factor or a number of its own.
bool has_heads_in_cache(const ModelConfig& config) {
  if (config.is_factored()) return config.head_factors == FactorSource::contextual;
  return config.attention_kind == AttentionKind::mha;
}

class CacheSearch {
 public:
  CacheSearch(const ModelConfig& start, int64_t wanted, NumberType type)
      : start_(start), wanted_(wanted), type_(type) {}

  // All values of the first knob, of the second those beside the exact solution.
  void run(const std::vector<Knob>& knobs) {
    knobs_ = &knobs;
    if (knobs.empty()) return try_one(start_);
    if (knobs.size() == 1) return solve(start_, knobs[0]);
    try_one(start_);
    const int64_t most = 4 * std::max<int64_t>(16, knobs[0].value(start_));
    for (int64_t value = knobs[0].step; value <= most; value += knobs[0].step) {
      ModelConfig config = start_;
      knobs[0].set(config, value);
      solve(config, knobs[1]);
    }
  }

  const std::optional<ModelConfig>& found() const { return found_; }      // within the tolerance, the least change
  const std::optional<ModelConfig>& nearest() const { return nearest_; }  // of all

 private:
  // The cache grows with the knob: the last value that is not above, and the next.
  void solve(ModelConfig config, const Knob& knob) {
    int64_t low = 0, high = kMaxModelSize / knob.step;
    while (high - low > 1) {
      const int64_t middle = low + (high - low) / 2;
      knob.set(config, middle * knob.step);
      (numbers_of(config) <= wanted_ ? low : high) = middle;
    }
    for (const int64_t steps : {low, high, knob.value(start_) / knob.step}) {
      if (steps < 1) continue;
      knob.set(config, steps * knob.step);
      try_one(config);
    }
  }

  // A layout cannot be made of every size on the way.
  int64_t numbers_of(const ModelConfig& config) const {
    return is_possible(config) ? cache_bytes(config, type_) : estimate(config);
  }

  // Between possible sizes: those of an even head dimension.
  int64_t estimate(ModelConfig config) const {
    if (config.attention_kind == AttentionKind::gqa) config.num_attention_heads = config.num_key_value_heads;
    return is_possible(config) ? cache_bytes(config, type_) : std::numeric_limits<int64_t>::max();
  }

  double change(const ModelConfig& config) const {
    double sum = 0;
    for (const Knob& knob : *knobs_) {
      const auto ratio = static_cast<double>(knob.value(config)) / static_cast<double>(knob.value(start_));
      sum += std::abs(std::log(ratio));
    }
    return sum;
  }

  void try_one(const ModelConfig& config) {
    if (!is_possible(config)) return;
    const double off = distance(cache_bytes(config, type_), wanted_);
    if (!nearest_ || off < nearest_off_) nearest_ = config, nearest_off_ = off;
    if (off > kCacheTolerance) return;
    const double changed = change(config);
    if (found_ && std::pair(changed, off) >= std::pair(found_change_, found_off_)) return;
    found_ = config, found_change_ = changed, found_off_ = off;
  }

  ModelConfig start_;
  int64_t wanted_;
  NumberType type_;
  const std::vector<Knob>* knobs_ = nullptr;
  std::optional<ModelConfig> found_, nearest_;
  double found_change_ = 0, found_off_ = 0, nearest_off_ = 0;
};

// Keys of these and what they are: "num_attention_heads = 7, head_dim = 16".
std::string values_of(const std::vector<Knob>& knobs, const ModelConfig& config) {
  std::vector<std::string> parts;
  for (const Knob& knob : knobs) parts.push_back(fmt::format("{} = {}", knob.name(), knob.value(config)));
  return fmt::format("{}", fmt::join(parts, ", "));
}

void match_cache(ModelConfig& config, const Pinned& pinned, const ModelConfig& reference, NumberType type,
                 const std::string& source) {
  const std::vector<Knob> knobs = cache_knobs(config, pinned);
  const int64_t wanted = cache_bytes(reference, type);
  CacheSearch search(config, wanted, type);
  search.run(knobs);
  if (search.found()) {
    config = *search.found();
    return;
  }
  require(!knobs.empty(),
          "{}: its cache takes {} bytes per token and the reference's {}; all sizes that could change "
          "it are given",
          source, format_digits(cache_bytes(config, type)), format_digits(wanted));
  require(search.nearest().has_value(), "{}: no value of {} gives a model whose cache could take {} bytes per token",
          source, values_of(knobs, config), format_digits(wanted));
  fail(
      "{}: no sizes give a cache within {:g} % of the reference's {} bytes per token; the nearest possible is {} with "
      "{}",
      source, 100 * kCacheTolerance, format_digits(wanted), format_digits(cache_bytes(*search.nearest(), type)),
      values_of(knobs, *search.nearest()));
}

void match_heads(ModelConfig& config, const Pinned& pinned, const ModelConfig& reference, const MatchRules& rules,
                 const std::string& source) {
  const int64_t wanted = reference.num_attention_heads;
  require(!pinned.contains("num_attention_heads") || config.num_attention_heads == wanted,
          "{}: \"num_attention_heads\" is {}, and the reference's, which all shall have, is {}", source,
          config.num_attention_heads, wanted);
  const int64_t groups = config.num_key_value_heads;
  if (config.attention_kind == AttentionKind::gqa && wanted % groups != 0) {
    const int64_t below = wanted / groups * groups;
    fail(
        "{}: {} heads, as the reference has, do not divide into {} groups (\"num_key_value_heads\"); the nearest "
        "possible are {}{}",
        source, wanted, groups, below > 0 ? fmt::format("{} and ", below) : "", below + groups);
  }
  config.num_attention_heads = wanted;
  if (!rules.parameters && !pinned.contains("intermediate_size"))
    config.intermediate_size = reference.feed_forward_dim();
}

void match_parameters(ModelConfig& config, const Pinned& pinned, const ModelConfig& reference, bool free_heads,
                      const std::string& source) {
  const int64_t wanted = parameter_count(reference);
  const bool heads = free_heads && !pinned.contains("num_attention_heads");
  const bool width = !pinned.contains("intermediate_size");
  if (heads) fit_heads(config, attention_parameters(reference));
  if (width) fit_feed_forward(config, wanted);
  const int64_t found = parameter_count(config);
  if (distance(found, wanted) <= kParameterTolerance) return;
  std::vector<std::string> chosen;
  if (heads) chosen.push_back(fmt::format("num_attention_heads = {}", config.num_attention_heads));
  if (width) chosen.push_back(fmt::format("intermediate_size = {}", config.intermediate_size));
  require(!chosen.empty(),
          "{}: it has {} parameters and the reference {}; \"num_attention_heads\" and "
          "\"intermediate_size\", which could change that, are given",
          source, format_digits(found), format_digits(wanted));
  fail("{}: no sizes give within {:g} % of the reference's {} parameters; the nearest possible are {} with {}", source,
       100 * kParameterTolerance, format_digits(wanted), format_digits(found), fmt::join(chosen, ", "));
}

}  // namespace

void match_sizes(ModelConfig& config, const std::set<std::string>& pinned, const ModelConfig& reference,
                 const MatchRules& rules, const std::string& source) {
  std::set<std::string> fixed = pinned;
  if (rules.heads) {
    match_heads(config, pinned, reference, rules, source);
    fixed.insert("num_attention_heads");
  }
  if (rules.cache) match_cache(config, fixed, reference, rules.cache_type, source);
  const bool free_heads = !rules.heads && !(rules.cache && has_heads_in_cache(config));
  if (rules.parameters) match_parameters(config, fixed, reference, free_heads, source);
  check_config(config, source);
}

}  // namespace t6
