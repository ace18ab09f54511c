#include "t6/infer/sampler.h"

#include <algorithm>
#include <cmath>

#include "t6/core/error.h"

namespace t6 {
namespace {

bool likelier(const std::pair<double, int32_t>& a, const std::pair<double, int32_t>& b) {
  return a.first != b.first ? a.first > b.first : a.second < b.second;
}

}  // namespace

Sampler::Sampler(const SamplerOptions& options) : options_(options), random_(options.seed) {
  require(options.temperature >= 0 && std::isfinite(options.temperature),
          "the temperature must be a number from 0 up, not {}", options.temperature);
  require(options.top_k >= 0, "top-k must be a whole number from 0 (all tokens) up, not {}", options.top_k);
  require(options.top_p > 0 && options.top_p <= 1, "top-p must be above 0 and at most 1, not {}", options.top_p);
}

int32_t Sampler::sample(std::span<const float> logits) {
  for (const float logit : logits) {
    require(!std::isnan(logit), "the model gives logits that are not numbers; its weights are damaged");
  }
  const auto largest = std::max_element(logits.begin(), logits.end());
  require(largest != logits.end() && std::isfinite(*largest), "the model gives no finite logit");
  if (options_.temperature == 0) return static_cast<int32_t>(largest - logits.begin());

  candidates_.clear();
  for (size_t i = 0; i < logits.size(); ++i) {
    const double probability = std::exp((double{logits[i]} - *largest) / options_.temperature);
    candidates_.emplace_back(probability, static_cast<int32_t>(i));
  }
  if (options_.top_k > 0) keep_likeliest(static_cast<size_t>(options_.top_k));
  if (options_.top_p < 1) keep_nucleus();

  double total = 0;
  for (const auto& [probability, id] : candidates_) total += probability;
  double left = random_.uniform() * total;
  for (const auto& [probability, id] : candidates_) {
    left -= probability;
    if (left < 0) return id;
  }
  return std::min_element(candidates_.begin(), candidates_.end(), likelier)->second;  // rounding used up the sum
}

void Sampler::keep_likeliest(size_t count) {
  if (count >= candidates_.size()) return;
  std::nth_element(candidates_.begin(), candidates_.begin() + static_cast<int64_t>(count), candidates_.end(), likelier);
  candidates_.resize(count);
}

void Sampler::keep_nucleus() {
  double total = 0;
  for (const auto& candidate : candidates_) total += candidate.first;
  // All below this together are too unlikely to be needed, and need not be sorted.
  const double floor = (1 - options_.top_p) * total / static_cast<double>(candidates_.size());
  std::erase_if(candidates_, [&](const Candidate& candidate) { return candidate.first < floor; });
  std::sort(candidates_.begin(), candidates_.end(), likelier);
  double sum = 0;
  size_t kept = 0;
  while (kept < candidates_.size() && sum < options_.top_p * total) sum += candidates_[kept++].first;
  candidates_.resize(std::max<size_t>(1, kept));
}

}  // namespace t6
