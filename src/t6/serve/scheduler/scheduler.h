// Runs the sequences of all clients on one engine: who is next, whose time is over, and what goes to whom.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "t6/infer/engine.h"
#include "t6/serve/scheduler/metrics.h"

namespace t6 {

// How a sequence ended.
struct JobEnd {
  StopReason reason = StopReason::max_tokens;
  std::string error = {};  // where the reason is StopReason::error
  bool timed_out = false;  // interrupted by its deadline
  std::string stop = {};   // the stop string before which the text ends; empty: none
};

// What a sequence has written since the last piece.
struct Piece {
  std::string text;                   // whole UTF-8 characters
  std::vector<WrittenToken> written;  // where log-probabilities are wanted
  int64_t cached_tokens = 0;          // of the prompt
  int64_t tokens = 0;                 // written so far
  std::optional<JobEnd> end;
  std::vector<int32_t> all_tokens = {};  // at the end: the prompt's and those written
};

// A sequence that has begun, with its cancel token among its options, and what takes its pieces.
struct Job {
  using Clock = std::chrono::steady_clock;

  std::shared_ptr<Sequence> sequence;
  std::shared_ptr<CancelToken> cancel;
  std::string client;  // the scheduler is fair between these
  std::optional<Clock::time_point> deadline = std::nullopt;
  std::function<void(Piece)> take;  // on the thread of deliveries, in order; the last one has an end
};

struct SchedulerOptions {
  EngineOptions engine = {};     // its `sequences` run at once at most
  int64_t longest_queue = 1024;  // sequences that wait at most
};

class Scheduler {
 public:
  // Runs a function on the thread of deliveries, functions in order.
  using Deliver = std::function<void(std::function<void()>)>;

  // The context and the metrics outlive this.
  Scheduler(Context& context, std::shared_ptr<const Model> model, const SchedulerOptions& options,
            ServerMetrics& metrics, Deliver deliver);

  // These may be called from any thread.
  // All of the jobs or none, when the queue is full or draining: false.
  bool submit(std::vector<Job> jobs);
  // Runs `work` on the thread of run() between two steps; false: it has ended.
  bool between_steps(std::function<void(Engine&)> work);
  // Nothing new is taken; run() returns when all that was taken has ended.
  void drain();
  // Ends all that was taken.
  void cancel_all();
  Gauges gauges() const;

  // Runs until all is drained. Call once.
  void run();

 private:
  struct Client {
    std::deque<Job> waiting;
    int64_t running = 0;
    uint64_t last_turn = 0;
  };
  struct Running {
    Job job;
    Job::Clock::time_point submitted, last_token;
    int64_t tokens = 0;
    size_t written = 0;
    bool timed_out = false;
  };
  using Deliveries = std::vector<std::pair<std::function<void(Piece)>, Piece>>;

  bool wait_for_work();
  void take_jobs();
  void admit();
  Client* next_client();
  void end_waiting();
  void end_late();
  void turn();
  void step();
  void show_load();
  void take_event(const SequenceEvent& event);
  void measure(Running& running, const Generated& result, bool finished);
  void fail_all(const std::string& error);
  void finish(const Sequence& sequence);
  void flush();

  Engine engine_;
  const SchedulerOptions options_;
  ServerMetrics& metrics_;
  const Deliver deliver_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Job> submitted_;
  std::vector<std::function<void(Engine&)>> work_;
  int64_t waiting_ = 0;  // submitted or in a client's queue
  bool draining_ = false, cancelled_ = false, ended_ = false;
  Gauges gauges_;

  // Of the thread of run().
  std::map<std::string, Client> clients_;
  std::unordered_map<const Sequence*, Running> running_;
  uint64_t turn_ = 0;
  int64_t preemptions_ = 0;
  double step_seconds_ = 0, engine_seconds_ = 0;  // of the last step: by the clock, of this thread's processor
  Deliveries deliveries_;
};

}  // namespace t6
