#include "t6/serve/scheduler/metrics.h"

#include <fmt/format.h>

#include <algorithm>

namespace t6 {
namespace {

void print_head(std::string& text, std::string_view name, std::string_view kind, std::string_view help) {
  text += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, kind);
}

// A label's value: quotes, backslashes and ends of lines are escaped.
std::string label_value(std::string_view value) {
  std::string text;
  for (const char c : value) {
    if (c == '\\' || c == '"') text += '\\';
    if (c == '\n') {
      text += "\\n";
    } else {
      text += c;
    }
  }
  return text;
}

}  // namespace

void Histogram::add(double value) {
  ++counts_[static_cast<size_t>(std::ranges::lower_bound(bounds_, value) - bounds_.begin())];
  sum_ += value;
}

void Histogram::print(std::string& text, std::string_view name, std::string_view labels) const {
  uint64_t count = 0;
  for (size_t i = 0; i < counts_.size(); ++i) {
    count += counts_[i];
    const std::string bound = i < bounds_.size() ? fmt::format("{}", bounds_[i]) : "+Inf";
    text += fmt::format("{}_bucket{{{},le=\"{}\"}} {}\n", name, labels, bound, count);
  }
  text += fmt::format("{0}_sum{{{1}}} {2}\n{0}_count{{{1}}} {3}\n", name, labels, sum_, count);
}

void ServerMetrics::first_token(double seconds) {
  const std::lock_guard lock(mutex_);
  first_token_.add(seconds);
}

void ServerMetrics::next_token(double seconds) {
  const std::lock_guard lock(mutex_);
  next_token_.add(seconds);
}

void ServerMetrics::preempted(int64_t count) {
  const std::lock_guard lock(mutex_);
  preemptions_ += static_cast<uint64_t>(count);
}

void ServerMetrics::turned(double step_seconds, double scheduling_seconds) {
  const std::lock_guard lock(mutex_);
  step_seconds_ += step_seconds;
  scheduling_seconds_ += scheduling_seconds;
}

void ServerMetrics::finished(const FinishedRequest& request) {
  const std::lock_guard lock(mutex_);
  whole_.add(request.whole);
  queue_.add(request.queue);
  prefill_.add(request.prefill);
  decode_.add(request.decode);
  const int64_t prompt = request.prompt_tokens + request.cached_tokens;
  prompt_length_.add(static_cast<double>(prompt));
  generation_length_.add(static_cast<double>(request.generated_tokens));
  prompt_tokens_ += static_cast<uint64_t>(prompt);
  cached_tokens_ += static_cast<uint64_t>(request.cached_tokens);
  generated_tokens_ += static_cast<uint64_t>(request.generated_tokens);
  ++by_reason_[std::string(request.reason)];
}

std::string ServerMetrics::print(const Gauges& now) const {
  const std::lock_guard lock(mutex_);
  std::string text;
  const std::string labels = fmt::format("model_name=\"{}\"", label_value(model_name_));
  const auto gauge = [&](std::string_view name, auto value, std::string_view help) {
    print_head(text, name, "gauge", help);
    text += fmt::format("{}{{{}}} {}\n", name, labels, value);
  };
  const auto counter = [&](std::string_view name, auto value, std::string_view help) {
    print_head(text, fmt::format("{}_total", name), "counter", help);
    text += fmt::format("{}_total{{{}}} {}\n", name, labels, value);
  };
  const auto histogram = [&](std::string_view name, const Histogram& values, std::string_view help) {
    print_head(text, name, "histogram", help);
    values.print(text, name, labels);
  };
  gauge("vllm:num_requests_running", now.running, "Sequences that run.");
  gauge("vllm:num_requests_waiting", now.waiting, "Sequences that wait.");
  gauge("vllm:kv_cache_usage_perc", now.cache_usage, "Share of the cache's memory in use, 0 to 1.");
  gauge("t6:connections", now.connections, "Connections of clients.");
  counter("vllm:prefix_cache_queries", prompt_tokens_, "Tokens of prompts looked up among kept pages.");
  counter("vllm:prefix_cache_hits", cached_tokens_, "Tokens of prompts that kept pages had.");
  counter("vllm:prompt_tokens", prompt_tokens_, "Tokens of prompts.");
  counter("vllm:generation_tokens", generated_tokens_, "Tokens generated.");
  counter("vllm:num_preemptions", preemptions_, "Sequences that gave their pages back and waited.");
  counter("t6:step_seconds", step_seconds_, "Time in the engine's steps.");
  counter("t6:scheduling_seconds", scheduling_seconds_, "Processor time of the scheduler around them.");
  counter("t6:http_seconds", now.http_seconds, "Processor time of reading requests and speaking HTTP.");
  print_head(text, "vllm:request_success_total", "counter", "Requests that ended, by reason.");
  for (const auto& [reason, count] : by_reason_) {
    text += fmt::format("vllm:request_success_total{{{},finished_reason=\"{}\"}} {}\n", labels, reason, count);
  }
  histogram("vllm:time_to_first_token_seconds", first_token_, "Time to the first token.");
  histogram("vllm:inter_token_latency_seconds", next_token_, "Time between tokens.");
  histogram("vllm:e2e_request_latency_seconds", whole_, "Time of a whole request.");
  histogram("vllm:request_queue_time_seconds", queue_, "Time before a request runs.");
  histogram("vllm:request_prefill_time_seconds", prefill_, "Time of reading the prompt.");
  histogram("vllm:request_decode_time_seconds", decode_, "Time of generating.");
  histogram("vllm:request_prompt_tokens", prompt_length_, "Tokens of a request's prompt.");
  histogram("vllm:request_generation_tokens", generation_length_, "Tokens that a request generated.");
  return text;
}

}  // namespace t6
