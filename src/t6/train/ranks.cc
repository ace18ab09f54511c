#include "t6/train/ranks.h"

#include <algorithm>
#include <cstring>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <utility>

#include "t6/core/stopwatch.h"

namespace t6 {
namespace {

// Waits for an operation, and counts for how long.
void finish(const c10::intrusive_ptr<c10d::Work>& work, Communication& counters) {
  const Stopwatch waiting;
  work->wait();
  counters.waited_seconds += waiting.seconds();
}

}  // namespace

Communication& Communication::operator+=(const Communication& other) {
  reduced_bytes += other.reduced_bytes;
  hidden_bytes += other.hidden_bytes;
  gathered_bytes += other.gathered_bytes;
  busy_seconds += other.busy_seconds;
  waited_seconds += other.waited_seconds;
  return *this;
}

Ranks::Ranks() = default;
Ranks::~Ranks() = default;

Ranks::Ranks(RankGroup group)
    : group_(std::move(group)), rank_(group_.group->getRank()), size_(group_.group->getSize()) {}

void Ranks::end_all(int code) const {
  if (group_.end_all) group_.end_all(code);
}

Communication Ranks::take_counters() {
  const double busy = group_.busy_seconds ? group_.busy_seconds() : 0;
  counters_.busy_seconds += busy - std::exchange(busy_before_, busy);
  return std::exchange(counters_, {});
}

std::vector<double> Ranks::sum(std::vector<double> numbers) {
  if (size_ == 1) return numbers;
  std::vector<torch::Tensor> total = {torch::tensor(numbers, torch::kDouble)};
  finish(group_.group->allreduce(total), counters_);
  const double* sums = total[0].const_data_ptr<double>();
  return {sums, sums + numbers.size()};
}

bool Ranks::any(bool here) { return sum({here ? 1.0 : 0.0})[0] > 0; }

void Ranks::broadcast(const torch::Tensor& tensor) { broadcast_from(0, tensor); }

void Ranks::broadcast_from(int64_t root, const torch::Tensor& tensor) {
  if (size_ == 1 || tensor.numel() == 0) return;
  std::vector<torch::Tensor> tensors = {tensor};
  c10d::BroadcastOptions options;
  options.rootRank = root;
  finish(group_.group->broadcast(tensors, options), counters_);
}

std::string Ranks::tell(std::string text) { return tell_from(0, std::move(text)); }

std::string Ranks::tell_from(int64_t root, std::string text) {
  if (size_ == 1) return text;
  const bool here = rank_ == root;
  const auto length = static_cast<int64_t>(sum({here ? static_cast<double>(text.size()) : 0})[0]);
  const torch::Tensor bytes = torch::empty({length}, torch::kByte);
  if (here) std::memcpy(bytes.data_ptr(), text.data(), text.size());
  broadcast_from(root, bytes);
  return {static_cast<const char*>(bytes.const_data_ptr()), static_cast<size_t>(length)};
}

void Ranks::all_gather(const std::vector<std::vector<torch::Tensor>>& lists) {
  if (size_ == 1) return;
  std::vector<c10::intrusive_ptr<c10d::Work>> works;
  for (const std::vector<torch::Tensor>& parts : lists) {
    std::vector<std::vector<torch::Tensor>> all = {parts};
    std::vector<torch::Tensor> own = {parts[static_cast<size_t>(rank_)]};
    works.push_back(group_.group->allgather(all, own));
    for (const torch::Tensor& part : parts) counters_.gathered_bytes += static_cast<double>(part.nbytes());
  }
  for (const auto& work : works) finish(work, counters_);
}

void Ranks::gather(const torch::Tensor& share, const torch::Tensor& whole) {
  std::vector<torch::Tensor> shares = {share};
  std::vector<std::vector<torch::Tensor>> parts;
  if (first()) parts.push_back(whole.chunk(size_));
  finish(group_.group->gather(parts, shares), counters_);
}

void Ranks::scatter(const torch::Tensor& whole, const torch::Tensor& share) {
  std::vector<torch::Tensor> shares = {share};
  std::vector<std::vector<torch::Tensor>> parts;
  if (first()) parts.push_back(whole.chunk(size_));
  finish(group_.group->scatter(shares, parts), counters_);
}

void Ranks::on_first(const std::function<void()>& action) {
  together([&] {
    if (first()) action();
  });
}

void Ranks::together(const std::function<void()>& action) {
  if (size_ == 1) return action();
  std::vector<double> failures(static_cast<size_t>(size_));
  std::string message;
  try {
    action();
  } catch (const Error& error) {
    failures[static_cast<size_t>(rank_)] = 1;
    message = error.what();
  }
  failures = sum(failures);
  const auto failed = std::find(failures.begin(), failures.end(), 1.0);
  if (failed == failures.end()) return;
  const int64_t teller = failed - failures.begin();
  message = tell_from(teller, message);
  throw SharedError(teller == 0 ? message : fmt::format("rank {}: {}", teller, message));
}

}  // namespace t6
