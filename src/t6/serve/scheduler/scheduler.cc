#include "t6/serve/scheduler/scheduler.h"

#include <algorithm>
#include <utility>

#include "t6/core/error.h"
#include "t6/core/stopwatch.h"

namespace t6 {
namespace {

double seconds_between(Job::Clock::time_point from, Job::Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

std::string_view reason_label(const JobEnd& end) {
  switch (end.reason) {
    case StopReason::max_tokens:
    case StopReason::context_full:
      return "length";
    case StopReason::interrupted:
      return "abort";
    case StopReason::error:
      return "error";
    default:
      return "stop";
  }
}

}  // namespace

Scheduler::Scheduler(Context& context, std::shared_ptr<const Model> model, const SchedulerOptions& options,
                     ServerMetrics& metrics, Deliver deliver)
    : engine_(context, std::move(model), options.engine),
      options_(options),
      metrics_(metrics),
      deliver_(std::move(deliver)) {}

bool Scheduler::submit(std::vector<Job> jobs) {
  const std::lock_guard lock(mutex_);
  const auto count = static_cast<int64_t>(jobs.size());
  if (draining_ || waiting_ + count > options_.longest_queue) return false;
  waiting_ += count;
  std::ranges::move(jobs, std::back_inserter(submitted_));
  wake_.notify_one();
  return true;
}

bool Scheduler::between_steps(std::function<void(Engine&)> work) {
  const std::lock_guard lock(mutex_);
  if (ended_) return false;
  work_.push_back(std::move(work));
  wake_.notify_one();
  return true;
}

void Scheduler::drain() {
  const std::lock_guard lock(mutex_);
  draining_ = true;
  wake_.notify_one();
}

void Scheduler::cancel_all() {
  const std::lock_guard lock(mutex_);
  draining_ = cancelled_ = true;
  wake_.notify_one();
}

Gauges Scheduler::gauges() const {
  const std::lock_guard lock(mutex_);
  Gauges now = gauges_;
  now.waiting += waiting_;
  if (const auto& memory = options_.engine.memory) {
    now.cache_usage = static_cast<double>(memory->used()) / static_cast<double>(memory->limit());
  }
  return now;
}

void Scheduler::run() {
  while (wait_for_work()) turn();
}

void Scheduler::turn() {
  const ThreadStopwatch watch;
  take_jobs();
  end_waiting();
  end_late();
  admit();
  step();
  show_load();
  flush();
  metrics_.turned(step_seconds_, watch.seconds() - engine_seconds_);
}

// False: all is drained.
bool Scheduler::wait_for_work() {
  std::unique_lock lock(mutex_);
  const auto ready = [&] { return !submitted_.empty() || !work_.empty() || waiting_ > 0 || draining_; };
  if (engine_.idle()) wake_.wait(lock, ready);
  ended_ = draining_ && engine_.idle() && waiting_ == 0 && work_.empty();
  return !ended_;
}

void Scheduler::take_jobs() {
  std::vector<std::function<void(Engine&)>> work;
  bool cancelled = false;
  {
    const std::lock_guard lock(mutex_);
    work.swap(work_);
    for (Job& job : submitted_) clients_[job.client].waiting.push_back(std::move(job));
    submitted_.clear();
    cancelled = cancelled_;
  }
  for (const auto& task : work) task(engine_);
  if (!cancelled) return;
  for (auto& [name, client] : clients_) {
    for (Job& job : client.waiting) job.cancel->cancel();
  }
  for (auto& [sequence, running] : running_) running.job.cancel->cancel();
}

// Those in queues whose client has gone or whose time is over.
void Scheduler::end_waiting() {
  const auto now = Job::Clock::now();
  int64_t ended = 0;
  for (auto client = clients_.begin(); client != clients_.end();) {
    auto& waiting = client->second.waiting;
    ended += static_cast<int64_t>(std::erase_if(waiting, [&](Job& job) {
      const bool late = job.deadline && now >= *job.deadline;
      if (!late && !job.cancel->cancelled()) return false;
      Piece piece;
      piece.end = JobEnd{StopReason::interrupted, {}, late};
      metrics_.finished({.reason = "abort"});
      deliveries_.emplace_back(std::move(job.take), std::move(piece));
      return true;
    }));
    client = waiting.empty() && client->second.running == 0 ? clients_.erase(client) : std::next(client);
  }
  const std::lock_guard lock(mutex_);
  waiting_ -= ended;
}

void Scheduler::end_late() {
  const auto now = Job::Clock::now();
  for (auto& [sequence, running] : running_) {
    if (!running.job.deadline || now < *running.job.deadline || running.job.cancel->cancelled()) continue;
    running.timed_out = true;
    running.job.cancel->cancel();
  }
}

// Of those that wait, the client with the fewest sequences that run, then the one whose turn was longest ago.
Scheduler::Client* Scheduler::next_client() {
  Client* next = nullptr;
  for (auto& [name, client] : clients_) {
    if (client.waiting.empty()) continue;
    if (!next || std::pair(client.running, client.last_turn) < std::pair(next->running, next->last_turn))
      next = &client;
  }
  return next;
}

void Scheduler::admit() {
  int64_t admitted = 0;
  while (engine_.size() < options_.engine.sequences) {
    Client* const client = next_client();
    if (!client) break;
    Job job = std::move(client->waiting.front());
    client->waiting.pop_front();
    client->last_turn = ++turn_;
    ++client->running;
    ++admitted;
    const Sequence* const sequence = job.sequence.get();
    const auto now = Job::Clock::now();
    try {
      engine_.add(job.sequence);
      running_.emplace(sequence, Running{.job = std::move(job), .submitted = now, .last_token = now});
    } catch (const Error& error) {
      --client->running;
      Piece piece;
      piece.end = JobEnd{StopReason::error, error.what()};
      deliveries_.emplace_back(std::move(job.take), std::move(piece));
    }
  }
  const std::lock_guard lock(mutex_);
  waiting_ -= admitted;
}

// An error of the engine itself, memory that is not there for example, ends what it runs and not the server.
void Scheduler::step() {
  const Stopwatch clock;
  const ThreadStopwatch watch;
  try {
    const auto events = engine_.step();
    step_seconds_ = clock.seconds();
    engine_seconds_ = watch.seconds();
    for (const SequenceEvent& event : events) take_event(event);
  } catch (const std::exception& error) {
    fail_all(error.what());
  }
  const int64_t preemptions = engine_.preemptions();
  if (preemptions > preemptions_) metrics_.preempted(preemptions - std::exchange(preemptions_, preemptions));
}

// Before clients get what was written, so that whoever has a part of an answer finds its sequence running.
void Scheduler::show_load() {
  const std::lock_guard lock(mutex_);
  gauges_.running = engine_.running();
  gauges_.waiting = engine_.size() - gauges_.running;
}

void Scheduler::take_event(const SequenceEvent& event) {
  const auto found = running_.find(event.sequence.get());
  if (found == running_.end()) return;
  Running& running = found->second;
  const Generated& result = event.sequence->result();
  const bool finished = event.sequence->finished();
  measure(running, result, finished);
  Piece piece = {.text = std::string(event.text),
                 .written = {},
                 .cached_tokens = result.reused_tokens,
                 .tokens = result.tokens,
                 .end = std::nullopt};
  const size_t written = std::min(result.written.size(), static_cast<size_t>(result.tokens));
  piece.written.assign(result.written.begin() + static_cast<ptrdiff_t>(running.written),
                       result.written.begin() + static_cast<ptrdiff_t>(written));
  running.written = written;
  if (finished) {
    piece.end = JobEnd{result.reason, result.error, running.timed_out, result.stop};
    piece.all_tokens = event.sequence->tokens();
  }
  deliveries_.emplace_back(running.job.take, std::move(piece));
  if (finished) finish(*event.sequence);
}

void Scheduler::measure(Running& running, const Generated& result, bool finished) {
  const auto now = Job::Clock::now();
  if (result.tokens > running.tokens) {
    if (running.tokens == 0) {
      metrics_.first_token(seconds_between(running.submitted, now) + result.waiting_seconds);
    } else {
      metrics_.next_token(seconds_between(running.last_token, now));
    }
    running.tokens = result.tokens;
    running.last_token = now;
  }
  if (!finished) return;
  metrics_.finished({.reason = reason_label({result.reason, {}, false}),
                     .whole = result.waiting_seconds + result.prompt_seconds + result.decode_seconds,
                     .queue = result.waiting_seconds,
                     .prefill = result.prompt_seconds,
                     .decode = result.decode_seconds,
                     .prompt_tokens = result.prompt_tokens,
                     .cached_tokens = result.reused_tokens,
                     .generated_tokens = result.tokens});
}

void Scheduler::finish(const Sequence& sequence) {
  const auto found = running_.find(&sequence);
  const auto client = clients_.find(found->second.job.client);
  if (--client->second.running == 0 && client->second.waiting.empty()) clients_.erase(client);
  running_.erase(found);
}

void Scheduler::fail_all(const std::string& error) {
  std::vector<std::shared_ptr<Sequence>> sequences;
  for (const auto& [sequence, running] : running_) sequences.push_back(running.job.sequence);
  for (const auto& sequence : sequences) {
    engine_.remove(*sequence);
    Piece piece;
    piece.end = JobEnd{StopReason::error, error};
    deliveries_.emplace_back(running_.at(sequence.get()).job.take, std::move(piece));
    finish(*sequence);
  }
}

void Scheduler::flush() {
  if (deliveries_.empty()) return;
  deliver_([deliveries = std::exchange(deliveries_, {})]() mutable {
    for (auto& [take, piece] : deliveries) take(std::move(piece));
  });
}

}  // namespace t6
