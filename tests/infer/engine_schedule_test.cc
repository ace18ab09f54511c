#include <gmock/gmock.h>

#include "t6/core/random.h"
#include "t6/infer/engine.h"
#include "tests/infer/engine_models.h"

namespace t6 {
namespace {

using ::testing::IsEmpty;

// Any schedule of requests, cancelled and removed ones among them, in little memory: those that end by themselves give
// what they give alone, and all memory comes back.
class Schedule {
 public:
  Schedule(const LoadedModel& loaded, uint64_t seed)
      : loaded_(loaded),
        random_(seed),
        page_(FactorCache(loaded.config()).page_bytes()),
        memory_(std::make_shared<CacheMemory>((8 + below(12)) * page_)),
        engine_(
            test_context(), loaded.model,
            {.memory = memory_, .prompt_chunk = kChunk, .sequences = 6, .kept_bytes = seed % 2 == 0 ? 6 * page_ : 0}) {}

  void run() {
    for (int64_t step = 0; step < 150 || !engine_.idle(); ++step) {
      ASSERT_LT(step, 20'000);
      if (step < 150 && below(6) == 0) add();
      if (!requests_.empty() && below(20) == 0) any().cancel->cancel();
      if (!requests_.empty() && below(40) == 0) {
        if (const auto& sequence = any().sequence) engine_.remove(*sequence);
      }
      for (const SequenceEvent& event : engine_.step()) {
        ASSERT_TRUE(event.sequence->state() == SequenceState::generating || event.sequence->finished());
      }
      for (Request& request : requests_) {
        if (request.sequence && request.sequence->finished()) check(request);
      }
      ASSERT_LE(memory_->used(), memory_->limit());
    }
    EXPECT_THAT(engine_.step(), IsEmpty());  // the last event held its sequence
    EXPECT_GT(compared_, 5);
    EXPECT_EQ(memory_->used(), engine_.kept_bytes());
  }

 private:
  static constexpr int64_t kChunk = 64;
  struct Request {
    std::vector<int32_t> prompt;
    GenerateOptions options;
    std::shared_ptr<Sequence> sequence;  // null when it was checked
    std::unique_ptr<CancelToken> cancel = std::make_unique<CancelToken>();
  };

  int64_t below(uint64_t bound) { return static_cast<int64_t>(random_.below(bound)); }
  Request& any() { return requests_[random_.below(requests_.size())]; }

  // A common beginning, and a rest of its own.
  void add() {
    Request request = {random_ids(loaded_.config(), random_.below(200)), greedy(1 + below(90)), nullptr};
    const auto rest = random_ids(loaded_.config(), 1 + random_.below(60), random_.next());
    request.prompt.insert(request.prompt.end(), rest.begin(), rest.end());
    if (below(2) == 0) request.options.sampler = {.temperature = 1, .seed = random_.next()};
    request.options.cancel = request.cancel.get();
    request.sequence = begun(loaded_, request.prompt, request.options, {.memory = memory_});
    engine_.add(request.sequence);
    requests_.push_back(std::move(request));
  }

  void check(Request& request) {
    const auto sequence = std::exchange(request.sequence, nullptr);
    ASSERT_NE(sequence->result().reason, StopReason::error) << sequence->result().error;
    if (sequence->result().reason == StopReason::interrupted) return;
    request.options.cancel = nullptr;
    ASSERT_EQ(sequence->tokens(), tokens_alone(loaded_, request.prompt, request.options, {}, kChunk));
    ++compared_;
  }

  const LoadedModel& loaded_;
  Random random_;
  const int64_t page_;
  const std::shared_ptr<CacheMemory> memory_;
  Engine engine_;
  std::vector<Request> requests_;
  int64_t compared_ = 0;
};

class EngineStress : public ::testing::TestWithParam<std::string> {};

TEST_P(EngineStress, AnyScheduleGivesTheSameTokens) {
  const LoadedModel loaded = loaded_as(zoo_config(GetParam()), 400);
#ifdef __SANITIZE_THREAD__
  constexpr uint64_t kSchedules = 1;  // of seconds each there
#else
  constexpr uint64_t kSchedules = 3;
#endif
  for (uint64_t seed = 0; seed < kSchedules; ++seed) Schedule(loaded, seed).run();
}

INSTANTIATE_TEST_SUITE_P(Models, EngineStress,
                         ::testing::Values("tpa", "gqa", "mla", "tpa_shared_qknorm_shift", "gqa_one_window_shift",
                                           "tpa_windows"),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace t6
