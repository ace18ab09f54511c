// What a server has done, counted as Prometheus reads it, under vLLM's names.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace t6 {

// Counts of values by upper bounds.
class Histogram {
 public:
  explicit Histogram(std::span<const double> bounds) : bounds_(bounds), counts_(bounds.size() + 1) {}
  void add(double value);
  // Lines of Prometheus' text format.
  void print(std::string& text, std::string_view name, std::string_view labels) const;

 private:
  std::span<const double> bounds_;
  std::vector<uint64_t> counts_;  // of values up to a bound and above the one before
  double sum_ = 0;
};

// Of the present moment.
struct Gauges {
  int64_t running = 0, waiting = 0;  // sequences
  double cache_usage = 0;            // share of the cache's memory, 0 to 1
  int64_t connections = 0;
  double http_seconds = 0;  // of processor, that reading requests and speaking HTTP took
};

// One request that has ended, in seconds and tokens.
struct FinishedRequest {
  std::string_view reason;  // "stop", "length", "abort", "error"
  double whole = 0, queue = 0, prefill = 0, decode = 0;
  int64_t prompt_tokens = 0, cached_tokens = 0, generated_tokens = 0;
};

// Any thread may call.
class ServerMetrics {
 public:
  explicit ServerMetrics(std::string model_name) : model_name_(std::move(model_name)) {}

  void first_token(double seconds);
  void next_token(double seconds);
  void finished(const FinishedRequest& request);
  void preempted(int64_t count);
  // A step of the engine, by the clock; what the scheduler took of its processor around it.
  void turned(double step_seconds, double scheduling_seconds);

  // Of all so far, with `now`.
  std::string print(const Gauges& now) const;

 private:
  static constexpr auto kTimes =
      std::to_array<double>({0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1,  0.25,  0.5,   0.75,
                             1.0,   2.5,   5.0,  7.5,  10.0, 20.0, 40.0, 80.0, 160.0, 640.0, 2560.0});
  static constexpr auto kIntervals = std::to_array<double>(
      {0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0});
  static constexpr auto kWholes =
      std::to_array<double>({0.3,  0.5,  0.8,  1.0,  1.5,   2.0,   2.5,   5.0,   10.0,   15.0,  20.0,
                             30.0, 40.0, 50.0, 60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 7680.0});
  static constexpr auto kTokens = std::to_array<double>(
      {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000, 1000000});

  const std::string model_name_;
  mutable std::mutex mutex_;
  Histogram first_token_{kTimes}, next_token_{kIntervals};
  Histogram whole_{kWholes}, queue_{kWholes}, prefill_{kWholes}, decode_{kWholes};
  Histogram prompt_length_{kTokens}, generation_length_{kTokens};
  double step_seconds_ = 0, scheduling_seconds_ = 0;
  uint64_t prompt_tokens_ = 0, cached_tokens_ = 0, generated_tokens_ = 0, preemptions_ = 0;
  std::map<std::string, uint64_t, std::less<>> by_reason_;
};

}  // namespace t6
