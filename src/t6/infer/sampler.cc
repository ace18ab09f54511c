#include "t6/infer/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "t6/core/error.h"
#include "t6/infer/token_constraint.h"
#include "t6/kernels/pointwise.h"

namespace t6 {
namespace {

// Logarithms of probabilities, relative to the likeliest, below which a token is left out: e^-60 of its probability.
constexpr double kNegligible = -60;

bool likelier(const std::pair<double, int32_t>& a, const std::pair<double, int32_t>& b) {
  return a.first != b.first ? a.first > b.first : a.second < b.second;
}

// The first candidates of a sorted list that together have `share` of `total`, at least one.
template <typename Candidates>
void cut_to_share(Candidates& candidates, double share, double total) {
  double sum = 0;
  size_t kept = 0;
  while (kept < candidates.size() && sum < share * total) sum += candidates[kept++].first;
  candidates.resize(std::max<size_t>(1, kept));
}

double total(const std::vector<SamplerMemory::Candidate>& candidates) {
  double sum = 0;
  for (const auto& candidate : candidates) sum += candidate.first;
  return sum;
}

}  // namespace

std::vector<TokenLogProbability> top_log_probabilities(std::span<const float> logits, int64_t count) {
  const double normalizer = log_sum_exp(logits.data(), static_cast<int64_t>(logits.size()));
  std::vector<TokenLogProbability> all(logits.size());
  for (size_t i = 0; i < logits.size(); ++i) all[i] = {static_cast<int32_t>(i), logits[i] - normalizer};
  const auto kept = std::min(static_cast<size_t>(std::max<int64_t>(0, count)), all.size());
  std::partial_sort(all.begin(), all.begin() + static_cast<int64_t>(kept), all.end(),
                    [](const auto& a, const auto& b) { return a.value != b.value ? a.value > b.value : a.id < b.id; });
  all.resize(kept);
  return all;
}

double log_probability(std::span<const float> logits, int32_t id) {
  return logits[static_cast<size_t>(id)] - log_sum_exp(logits.data(), static_cast<int64_t>(logits.size()));
}

Sampler::Sampler(const SamplerOptions& options) : options_(options), random_(options.seed) {
  require(options.temperature >= 0 && std::isfinite(options.temperature),
          "the temperature must be a number from 0 up, not {}", options.temperature);
  require(options.top_k >= 0, "top-k must be a whole number from 0 (all tokens) up, not {}", options.top_k);
  require(options.top_p > 0 && options.top_p <= 1, "top-p must be above 0 and at most 1, not {}", options.top_p);
  require(options.min_p >= 0 && options.min_p <= 1, "min-p must be from 0 to 1, not {}", options.min_p);
  require(options.typical_p > 0 && options.typical_p <= 1, "typical-p must be above 0 and at most 1, not {}",
          options.typical_p);
  require(options.repetition_penalty > 0 && std::isfinite(options.repetition_penalty),
          "the repetition penalty must be a number above 0, not {}", options.repetition_penalty);
  require(std::isfinite(options.presence_penalty) && std::isfinite(options.frequency_penalty),
          "the presence and frequency penalties must be numbers, not {} and {}", options.presence_penalty,
          options.frequency_penalty);
  require(options.penalty_window >= 0, "the penalty window must be a whole number of tokens from 0 up, not {}",
          options.penalty_window);
  for (const auto& [id, bias] : options.logit_bias) {
    require(!std::isnan(bias) && bias < std::numeric_limits<double>::infinity(),
            "the logit bias of token {} must be a number or -infinity, not {}", id, bias);
  }
}

void Sampler::accept_prompt(std::span<const int32_t> ids) {
  for (const int32_t id : ids) remember(id, options_.penalize_prompt);
}

void Sampler::remember(int32_t id, bool counted) {
  recent_.push_back({id, counted});
  Counts& counts = counts_[id];
  ++counts.all;
  counts.counted += counted ? 1 : 0;
  if (static_cast<int64_t>(recent_.size()) <= options_.penalty_window) return;
  const Recent oldest = recent_.front();
  recent_.pop_front();
  Counts& left = counts_[oldest.id];
  left.counted -= oldest.counted ? 1 : 0;
  if (--left.all == 0) counts_.erase(oldest.id);
}

// Logits with biases and penalties, -infinity for what is not allowed; as they came when there is nothing to change.
std::span<const float> Sampler::adjusted(std::span<const float> logits, std::vector<float>& memory,
                                         std::span<const uint32_t> allowed) const {
  const bool penalized =
      options_.repetition_penalty != 1 || options_.presence_penalty != 0 || options_.frequency_penalty != 0;
  if (!penalized && options_.logit_bias.empty() && allowed.empty()) return logits;
  memory.assign(logits.begin(), logits.end());
  for (size_t i = 0; !allowed.empty() && i < memory.size(); ++i) {
    if (!in_mask(allowed, static_cast<int32_t>(i))) memory[i] = -std::numeric_limits<float>::infinity();
  }
  for (const auto& [id, bias] : options_.logit_bias) {
    require(id >= 0 && static_cast<size_t>(id) < logits.size(),
            "the logit bias is for token {}, the model's vocabulary has {}", id, logits.size());
    memory[static_cast<size_t>(id)] += static_cast<float>(bias);
  }
  for (const auto& [id, counts] : counts_) {
    if (!penalized) break;
    float& logit = memory[static_cast<size_t>(id)];
    const double repeated = logit > 0 ? logit / options_.repetition_penalty : logit * options_.repetition_penalty;
    const double present = counts.counted > 0 ? options_.presence_penalty : 0;
    logit = static_cast<float>(repeated - present - options_.frequency_penalty * static_cast<double>(counts.counted));
  }
  return memory;
}

int32_t Sampler::sample(std::span<const float> logits, SamplerMemory& memory, std::span<const uint32_t> allowed) {
  require(allowed.empty() || allowed.size() == mask_words(logits.size()),
          "a mask of {} words was given for a vocabulary of {}", allowed.size(), logits.size());
  for (const float logit : logits) {
    require(!std::isnan(logit), "the model gives logits that are not numbers; its weights are damaged");
  }
  logits = adjusted(logits, memory.adjusted, allowed);
  const auto largest = std::max_element(logits.begin(), logits.end());
  require(
      allowed.empty() || largest == logits.end() || *largest != -std::numeric_limits<float>::infinity(),
      "no token is left to choose from: of those that are allowed here, the model and the logit biases exclude all");
  require(largest != logits.end() && std::isfinite(*largest), "the model gives no finite logit");
  if (options_.temperature == 0) return static_cast<int32_t>(largest - logits.begin());

  Candidates& candidates = memory.candidates;
  candidates.clear();
  const auto least = static_cast<float>(*largest + kNegligible * options_.temperature);
  for (size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] < least) continue;
    const double probability = std::exp((double{logits[i]} - *largest) / options_.temperature);
    candidates.emplace_back(probability, static_cast<int32_t>(i));
  }
  if (options_.top_k > 0) keep_likeliest(candidates);
  if (options_.typical_p < 1) keep_typical(candidates);
  if (options_.top_p < 1) keep_nucleus(candidates);
  if (options_.min_p > 0) keep_near_likeliest(candidates);

  double left = random_.uniform() * total(candidates);
  for (const auto& [probability, id] : candidates) {
    left -= probability;
    if (left < 0) return id;
  }
  return std::min_element(candidates.begin(), candidates.end(), likelier)->second;  // rounding used up the sum
}

void Sampler::keep_likeliest(Candidates& candidates) const {
  const auto count = static_cast<size_t>(options_.top_k);
  if (count >= candidates.size()) return;
  std::nth_element(candidates.begin(), candidates.begin() + static_cast<int64_t>(count), candidates.end(), likelier);
  candidates.resize(count);
}

// Locally typical sampling (arXiv 2202.00666): tokens whose surprise -log p is nearest to the entropy come first.
void Sampler::keep_typical(Candidates& candidates) const {
  const double sum = total(candidates);
  const auto surprise = [&](const Candidate& candidate) { return -std::log(candidate.first / sum); };
  double entropy = 0;
  for (const Candidate& candidate : candidates) entropy += candidate.first / sum * surprise(candidate);
  std::sort(candidates.begin(), candidates.end(), [&](const Candidate& a, const Candidate& b) {
    const double distance_a = std::abs(surprise(a) - entropy), distance_b = std::abs(surprise(b) - entropy);
    return distance_a != distance_b ? distance_a < distance_b : likelier(a, b);
  });
  cut_to_share(candidates, options_.typical_p, sum);
}

void Sampler::keep_nucleus(Candidates& candidates) const {
  const double sum = total(candidates);
  // All below this together are too unlikely to be needed, and need not be sorted.
  const double floor = (1 - options_.top_p) * sum / static_cast<double>(candidates.size());
  std::erase_if(candidates, [&](const Candidate& candidate) { return candidate.first < floor; });
  std::sort(candidates.begin(), candidates.end(), likelier);
  cut_to_share(candidates, options_.top_p, sum);
}

void Sampler::keep_near_likeliest(Candidates& candidates) const {
  double largest = 0;
  for (const Candidate& candidate : candidates) largest = std::max(largest, candidate.first);
  std::erase_if(candidates, [&](const Candidate& candidate) { return candidate.first < options_.min_p * largest; });
}

}  // namespace t6
