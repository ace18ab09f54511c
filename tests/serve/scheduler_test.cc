#include "t6/serve/scheduler/scheduler.h"

#include <gmock/gmock.h>

#include <thread>

#include "tests/infer/engine_models.h"

namespace t6 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SchedulerTest : public ::testing::Test {
 protected:
  // Deliveries come on the thread of run() here: tests look at them when it has ended, or lock.
  void start(const SchedulerOptions& options = {}) {
    scheduler_ = std::make_unique<Scheduler>(context_, loaded_.model, options, metrics_,
                                             [](const std::function<void()>& work) { work(); });
  }
  void run() {
    scheduler_->drain();
    scheduler_->run();
  }

  Job job(const std::string& client, int64_t tokens, std::vector<Piece>* pieces = nullptr, size_t prompt = 5) {
    Job job;
    job.cancel = std::make_shared<CancelToken>();
    GenerateOptions options = greedy(tokens);
    options.cancel = job.cancel.get();
    job.sequence = begun(loaded_, random_ids(loaded_.config(), prompt), options);
    job.client = client;
    job.take = [this, client, pieces](Piece piece) {
      if (piece.end) ended_.push_back(client);
      if (pieces) pieces->push_back(std::move(piece));
    };
    return job;
  }
  template <typename... Jobs>
  bool submit(Jobs... jobs) {
    std::vector<Job> list;
    (list.push_back(std::move(jobs)), ...);
    return scheduler_->submit(std::move(list));
  }

  const LoadedModel loaded_ = loaded_as(zoo_config("tpa"), 400);
  Context context_{1};
  ServerMetrics metrics_{"tiny"};
  std::unique_ptr<Scheduler> scheduler_;
  std::vector<std::string> ended_;
};

TEST_F(SchedulerTest, DeliversPiecesInOrder) {
  start();
  std::vector<Piece> pieces;
  Job first = job("a", 6, &pieces);
  const auto sequence = first.sequence;
  ASSERT_TRUE(submit(std::move(first)));
  run();
  std::string text;
  for (const Piece& piece : pieces) text += piece.text;
  EXPECT_EQ(text, sequence->result().text);
  ASSERT_FALSE(pieces.empty());
  ASSERT_TRUE(pieces.back().end);
  EXPECT_EQ(pieces.back().end->reason, StopReason::max_tokens);
  EXPECT_EQ(pieces.back().tokens, 6);
}

// A client with many requests does not keep another one waiting.
TEST_F(SchedulerTest, IsFairBetweenClients) {
  start({.engine = {.sequences = 2}});
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(submit(job("many", 4)));
  ASSERT_TRUE(submit(job("few", 4)));
  ASSERT_TRUE(submit(job("few", 4)));
  run();
  EXPECT_THAT(ended_, ElementsAre("few", "many", "few", "many", "many", "many", "many", "many"));
}

TEST_F(SchedulerTest, TakesAllJobsOfARequestOrNone) {
  start({.longest_queue = 2});
  EXPECT_TRUE(submit(job("a", 2)));
  EXPECT_FALSE(submit(job("a", 2), job("a", 2)));
  EXPECT_TRUE(submit(job("a", 2)));
  EXPECT_EQ(scheduler_->gauges().waiting, 2);
  scheduler_->drain();
  EXPECT_FALSE(submit(job("a", 2)));
  scheduler_->run();
  EXPECT_EQ(ended_.size(), 2u);
  EXPECT_FALSE(scheduler_->between_steps([](Engine&) {}));
}

TEST_F(SchedulerTest, EndsWhatIsCancelledOrLate) {
  start({.engine = {.sequences = 1}});
  std::vector<Piece> cancelled, late, late_in_queue;
  Job first = job("a", 300, &cancelled), second = job("a", 5, &late), third = job("a", 5, &late_in_queue);
  first.cancel->cancel();
  second.deadline = third.deadline = Job::Clock::now() - std::chrono::seconds(1);
  ASSERT_TRUE(submit(std::move(first), std::move(second), std::move(third)));
  run();
  ASSERT_EQ(cancelled.size(), 1u);
  EXPECT_EQ(cancelled[0].end->reason, StopReason::interrupted);
  EXPECT_FALSE(cancelled[0].end->timed_out);
  ASSERT_EQ(late.size(), 1u);
  EXPECT_TRUE(late[0].end->timed_out);
  ASSERT_EQ(late_in_queue.size(), 1u);
}

TEST_F(SchedulerTest, EndsALateOneThatRuns) {
  start();
  std::vector<Piece> pieces;
  Job slow = job("a", 390, &pieces);
  slow.deadline = Job::Clock::now() + std::chrono::milliseconds(20);
  slow.take = [&, take = slow.take](Piece piece) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    take(std::move(piece));
  };
  ASSERT_TRUE(submit(std::move(slow)));
  run();
  EXPECT_TRUE(pieces.back().end->timed_out);
  EXPECT_LT(pieces.back().tokens, 390);
}

TEST_F(SchedulerTest, AnErrorEndsOneAlone) {
  start();
  std::vector<Piece> pieces;
  Job bad = job("a", 5, &pieces);
  GenerateOptions options = greedy(5);
  options.sampler.logit_bias[100'000] = 1;
  options.cancel = bad.cancel.get();
  bad.sequence = begun(loaded_, random_ids(loaded_.config(), 5), options);
  ASSERT_TRUE(submit(std::move(bad), job("b", 5)));
  run();
  EXPECT_EQ(pieces.back().end->reason, StopReason::error);
  EXPECT_THAT(pieces.back().end->error, HasSubstr("logit bias"));
  EXPECT_EQ(ended_.size(), 2u);
}

TEST_F(SchedulerTest, WorkRunsBetweenSteps) {
  start();
  int64_t seen = -1;
  ASSERT_TRUE(scheduler_->between_steps([&](Engine& engine) { seen = engine.size(); }));
  run();
  EXPECT_EQ(seen, 0);
}

TEST_F(SchedulerTest, CancelAllEndsEverything) {
  start({.engine = {.sequences = 1}});
  ASSERT_TRUE(submit(job("a", 390), job("a", 390), job("b", 390)));
  scheduler_->cancel_all();
  scheduler_->run();
  EXPECT_EQ(ended_.size(), 3u);
}

// Requests from several threads while it runs, some of them taken back.
TEST_F(SchedulerTest, ServesManyThreads) {
  start({.engine = {.sequences = 3}});
  std::thread engine([&] { scheduler_->run(); });
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&, i] {
      for (int n = 0; n < 10; ++n) {
        Job mine = job("client " + std::to_string(i), 1 + n);
        const auto cancel = mine.cancel;
        EXPECT_TRUE(submit(std::move(mine)));
        if (n % 3 == 0) cancel->cancel();
        (void)scheduler_->gauges();
      }
    });
  }
  for (auto& client : clients) client.join();
  scheduler_->drain();
  engine.join();
  EXPECT_EQ(ended_.size(), 40u);
  EXPECT_EQ(scheduler_->gauges().waiting, 0);
  EXPECT_EQ(scheduler_->gauges().running, 0);
}

TEST(Metrics, PrintsWhatPrometheusReads) {
  ServerMetrics metrics("a \"model\"");
  metrics.first_token(0.003);
  metrics.next_token(100);
  metrics.finished({.reason = "stop", .whole = 0.5, .prompt_tokens = 7, .cached_tokens = 64, .generated_tokens = 3});
  metrics.turned(0.5, 0.25);
  metrics.turned(1, 0.25);
  const std::string text = metrics.print({.running = 2, .waiting = 1, .cache_usage = 0.25, .http_seconds = 0.125});
  for (const char* line : {"vllm:num_requests_running{model_name=\"a \\\"model\\\"\"} 2\n",
                           "vllm:kv_cache_usage_perc{model_name=\"a \\\"model\\\"\"} 0.25\n",
                           "vllm:prompt_tokens_total{model_name=\"a \\\"model\\\"\"} 71\n",
                           "vllm:prefix_cache_hits_total{model_name=\"a \\\"model\\\"\"} 64\n",
                           "vllm:time_to_first_token_seconds_bucket{model_name=\"a \\\"model\\\"\",le=\"0.001\"} 0\n",
                           "vllm:time_to_first_token_seconds_bucket{model_name=\"a \\\"model\\\"\",le=\"0.005\"} 1\n",
                           "vllm:inter_token_latency_seconds_bucket{model_name=\"a \\\"model\\\"\",le=\"80\"} 0\n",
                           "vllm:inter_token_latency_seconds_bucket{model_name=\"a \\\"model\\\"\",le=\"+Inf\"} 1\n",
                           "t6:step_seconds_total{model_name=\"a \\\"model\\\"\"} 1.5\n",
                           "t6:scheduling_seconds_total{model_name=\"a \\\"model\\\"\"} 0.5\n",
                           "t6:http_seconds_total{model_name=\"a \\\"model\\\"\"} 0.125\n",
                           "vllm:request_success_total{model_name=\"a \\\"model\\\"\",finished_reason=\"stop\"} 1\n",
                           "# TYPE vllm:e2e_request_latency_seconds histogram\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

}  // namespace
}  // namespace t6
