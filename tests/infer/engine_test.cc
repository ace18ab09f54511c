#include "t6/infer/engine.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "t6/core/error.h"
#include "tests/error_of.h"
#include "tests/infer/engine_models.h"

namespace t6 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Sequences = std::vector<std::shared_ptr<Sequence>>;

class EngineZoo : public ::testing::TestWithParam<ZooModel> {
 protected:
  const LoadedModel loaded_ = loaded_as(GetParam().config, 400);
};

// Prompts of all sizes, some of them with a last piece that is contracted in another order, which come while others
// are read and written.
TEST_P(EngineZoo, WritesTheSameTokensTogetherAndAlone) {
  constexpr int64_t kChunk = 64;
  Engine engine(test_context(), loaded_.model, {.prompt_chunk = kChunk});
  const std::vector<size_t> sizes = {70, 1, 200, 64, 31, 129, 5};
  Sequences sequences;
  for (size_t i = 0; i < sizes.size(); ++i) {
    GenerateOptions options = greedy(12);
    if (i % 2 == 1) options.sampler = {.temperature = 1, .seed = i};
    sequences.push_back(begun(loaded_, random_ids(loaded_.config(), sizes[i], i), options));
    engine.add(sequences.back());
    for (size_t step = 0; step < i % 3; ++step) (void)engine.step();
  }
  run_all(engine);
  for (size_t i = 0; i < sizes.size(); ++i) {
    GenerateOptions options = greedy(12);
    if (i % 2 == 1) options.sampler = {.temperature = 1, .seed = i};
    const auto prompt = random_ids(loaded_.config(), sizes[i], i);
    EXPECT_EQ(sequences[i]->tokens(), tokens_alone(loaded_, prompt, options, {}, kChunk)) << i;
    EXPECT_EQ(sequences[i]->result().prompt_tokens, std::ssize(prompt));
    EXPECT_EQ(sequences[i]->result().decode_steps, 11);
  }
}

// What a model thought at each token that it wrote, all of it.
std::vector<double> thoughts(const Generated& result) {
  std::vector<double> values;
  for (const WrittenToken& token : result.written) {
    for (const TokenLogProbability& other : token.likeliest) values.push_back(other.value);
  }
  return values;
}

// Rests of pieces of every size after pages that are reused, with the bits of a prompt that is read from its beginning.
TEST_P(EngineZoo, ReusesPagesWithTheSameBits) {
  constexpr int64_t kChunk = 192;
  Engine engine(test_context(), loaded_.model, {.prompt_chunk = kChunk, .kept_bytes = int64_t{1} << 30});
  GenerateOptions options = greedy(3);
  options.log_probabilities = 256;
  const auto ids = random_ids(loaded_.config(), 390);
  run_to_end(engine, begun(loaded_, std::span(ids).first(385), options), [](std::string_view) {});
  for (const size_t size : {1, 65, 150, 160, 193, 220, 385}) {
    const auto prompt = std::span(ids).first(size);
    Engine plain(test_context(), loaded_.model, {.prompt_chunk = kChunk});
    const auto wanted = run_to_end(plain, begun(loaded_, prompt, options), [](std::string_view) {});
    const auto result = run_to_end(engine, begun(loaded_, prompt, options), [](std::string_view) {});
    EXPECT_EQ(thoughts(result), thoughts(wanted)) << size;
    EXPECT_EQ(result.text, wanted.text);
    EXPECT_EQ(result.prompt_tokens + result.reused_tokens, wanted.prompt_tokens);
    if (FactorCache(loaded_.config()).keeps_pages()) {
      // At most a page less than all that come before the last token.
      EXPECT_GT(result.reused_tokens, static_cast<int64_t>(size) - 1 - 2 * kPageTokens);
    } else {
      EXPECT_EQ(result.reused_tokens, 0);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Models, EngineZoo, ::testing::ValuesIn(zoo()),
                         [](const auto& test) { return zoo_name(test); });

class EngineTest : public ::testing::Test {
 protected:
  std::vector<int32_t> prompt(size_t size, uint64_t seed = 2) const { return random_ids(loaded_.config(), size, seed); }

  const LoadedModel loaded_ = loaded_as(zoo_config("tpa"), 2000);
  const int64_t page_ = FactorCache(loaded_.config()).page_bytes();
};

TEST_F(EngineTest, HandsOutTextAsItComes) {
  Engine engine(test_context(), loaded_.model);
  const auto first = begun(loaded_, prompt(5), greedy(9)), second = begun(loaded_, prompt(7, 3), greedy(4));
  engine.add(first);
  engine.add(second);
  std::map<const Sequence*, std::string> texts;
  std::map<const Sequence*, int64_t> ends;
  for (int64_t step = 1; !engine.idle(); ++step) {
    EXPECT_EQ(engine.size(), step <= 4 ? 2 : 1);
    for (const SequenceEvent& event : engine.step()) {
      texts[event.sequence.get()] += event.text;
      if (event.sequence->finished()) ends[event.sequence.get()] = step;
    }
  }
  for (const auto& sequence : {first, second}) {
    EXPECT_EQ(texts[sequence.get()], sequence->result().text);
    EXPECT_EQ(sequence->result().reason, StopReason::max_tokens);
    EXPECT_EQ(ends[sequence.get()], sequence->result().tokens);
  }
  EXPECT_THAT(engine.step(), IsEmpty());
}

TEST_F(EngineTest, DecodingNeverWaitsForPrompts) {
  Engine engine(test_context(), loaded_.model, {.prompt_chunk = 64});
  const auto writer = begun(loaded_, prompt(3), greedy(40));
  engine.add(writer);
  (void)engine.step();
  Sequences prompts;
  for (const size_t size : {1000, 300, 500}) {
    prompts.push_back(begun(loaded_, prompt(size, size), greedy(2)));
    engine.add(prompts.back());
  }
  for (int64_t written = 2; !writer->finished(); ++written) {
    const auto read = [&] {
      int64_t tokens = 0;
      for (const auto& sequence : prompts)
        tokens += std::min(sequence->cache().size(), sequence->result().prompt_tokens);
      return tokens;
    };
    const int64_t before = read();
    (void)engine.step();
    EXPECT_EQ(writer->result().tokens, written);
    EXPECT_GE(read(), before);
    EXPECT_LE(read(), before + 64);
  }
  run_all(engine);
  for (const auto& sequence : prompts) EXPECT_EQ(sequence->result().tokens, 2);
}

// Neither for short ones that keep coming.
TEST_F(EngineTest, ShortPromptsDoNotWaitForLongOnes) {
  Engine engine(test_context(), loaded_.model, {.prompt_chunk = 64});
  const auto longest = begun(loaded_, prompt(640), greedy(1));
  engine.add(longest);
  (void)engine.step();
  int64_t steps = 0;
  while (!longest->finished()) {
    const auto brief = begun(loaded_, prompt(60, static_cast<uint64_t>(++steps)), greedy(1));
    engine.add(brief);
    (void)engine.step();
    (void)engine.step();
    EXPECT_TRUE(brief->finished());
  }
  EXPECT_EQ(steps, 9);
}

// The pages of one that is being read serve those behind it.
TEST_F(EngineTest, ReadsACommonBeginningOnce) {
  Engine engine(test_context(), loaded_.model, {.prompt_chunk = 64, .kept_bytes = int64_t{1} << 30});
  Sequences sequences;
  auto ids = prompt(320);
  for (int32_t i = 0; i < 8; ++i) {
    ids.back() = i;
    sequences.push_back(begun(loaded_, ids, greedy(1)));
    engine.add(sequences.back());
  }
  run_all(engine);
  for (size_t i = 1; i < sequences.size(); ++i) EXPECT_EQ(sequences[i]->result().reused_tokens, 256);
}

TEST_F(EngineTest, SaltKeepsPagesApart) {
  Engine engine(test_context(), loaded_.model, {.kept_bytes = int64_t{1} << 30});
  const auto reused = [&](const std::string& salt) {
    GenerateOptions options = greedy(1);
    options.cache_salt = salt;
    return run_to_end(engine, begun(loaded_, prompt(160), options), [](std::string_view) {}).reused_tokens;
  };
  EXPECT_EQ(reused(""), 0);
  EXPECT_EQ(reused("mine"), 0);
  EXPECT_EQ(reused("mine"), 128);
  EXPECT_EQ(reused("yours"), 0);
  EXPECT_EQ(reused(""), 128);
}

TEST_F(EngineTest, ReadsShortPromptsInOneStep) {
  Engine engine(test_context(), loaded_.model);
  Sequences sequences;
  for (const size_t size : {200, 200, 112, 1}) {
    sequences.push_back(begun(loaded_, prompt(size, size), greedy(1)));
    engine.add(sequences.back());
  }
  (void)engine.step();
  EXPECT_TRUE(sequences[0]->finished() && sequences[1]->finished() && sequences[2]->finished());
  EXPECT_EQ(sequences[3]->state(), SequenceState::waiting);  // 512 tokens are all that a step reads
  EXPECT_EQ(run_all(engine), 1);
}

TEST_F(EngineTest, RunsNoMoreSequencesThanItMay) {
  Engine engine(test_context(), loaded_.model, {.sequences = 2});
  for (size_t i = 0; i < 5; ++i) engine.add(begun(loaded_, prompt(4, i), greedy(3)));
  while (!engine.idle()) {
    (void)engine.step();
    EXPECT_LE(engine.running(), 2);
  }
}

TEST_F(EngineTest, CancelsBetweenSteps) {
  Engine engine(test_context(), loaded_.model, {.prompt_chunk = 64});
  CancelToken cancel;
  GenerateOptions options = greedy(50);
  options.cancel = &cancel;
  const auto writing = begun(loaded_, prompt(4), options), reading = begun(loaded_, prompt(700, 3), options);
  const auto waiting = begun(loaded_, prompt(700, 4), options), other = begun(loaded_, prompt(9, 5), greedy(5));
  for (const auto& sequence : {writing, reading, waiting, other}) engine.add(sequence);
  for (int i = 0; i < 3; ++i) (void)engine.step();
  cancel.cancel();
  Sequences ended;
  for (const SequenceEvent& event : engine.step()) {
    if (event.sequence->finished()) ended.push_back(event.sequence);
  }
  EXPECT_THAT(ended, ElementsAre(writing, reading, waiting));
  EXPECT_EQ(writing->result().reason, StopReason::interrupted);
  EXPECT_EQ(writing->result().tokens, 3);
  EXPECT_EQ(reading->result().tokens, 0);
  EXPECT_EQ(reading->cache().page_count(), pages_of(reading->cache().size()));
  EXPECT_EQ(waiting->cache().page_count(), 0);
  run_all(engine);
  EXPECT_EQ(other->tokens(), tokens_alone(loaded_, prompt(9, 5), greedy(5), {}, 64));
}

TEST_F(EngineTest, ForgetsWhatIsRemoved) {
  Engine engine(test_context(), loaded_.model);
  const auto gone = begun(loaded_, prompt(4), greedy(50)), other = begun(loaded_, prompt(9, 5), greedy(5));
  engine.add(gone);
  engine.add(other);
  (void)engine.step();
  engine.remove(*gone);
  engine.remove(*gone);
  EXPECT_EQ(gone->result().reason, StopReason::interrupted);
  EXPECT_EQ(run_all(engine), 4);
  EXPECT_EQ(gone->result().tokens, 1);
  EXPECT_EQ(other->tokens(), tokens_alone(loaded_, prompt(9, 5), greedy(5)));
  // It can go on where it was.
  gone->begin(greedy(49));
  engine.add(gone);
  run_all(engine);
  EXPECT_EQ(gone->tokens().size(), 4u + 1 + 49);
}

TEST_F(EngineTest, AnErrorEndsOneSequenceAlone) {
  Engine engine(test_context(), loaded_.model);
  GenerateOptions bad = greedy(5);
  bad.sampler.logit_bias[1000] = 1;
  const auto failing = begun(loaded_, prompt(4), bad), other = begun(loaded_, prompt(9, 5), greedy(5));
  engine.add(failing);
  engine.add(other);
  run_all(engine);
  EXPECT_EQ(failing->result().reason, StopReason::error);
  EXPECT_THAT(failing->result().error, HasSubstr("the logit bias is for token 1000"));
  EXPECT_EQ(other->result().tokens, 5);
  EXPECT_EQ(other->tokens(), tokens_alone(loaded_, prompt(9, 5), greedy(5)));
  EXPECT_THAT(error_of([&] { run_to_end(engine, begun(loaded_, prompt(4), bad), [](std::string_view) {}); }),
              HasSubstr("the logit bias is for token 1000"));
}

// The same bits too: log-probabilities tell more than tokens.
TEST_F(EngineTest, WaitsForMemoryAndWritesTheSame) {
  GenerateOptions options = greedy(120);
  options.log_probabilities = 3;
  const auto memory = std::make_shared<CacheMemory>(7 * page_);
  Engine engine(test_context(), loaded_.model, {.memory = memory, .prompt_chunk = 64});
  const CacheOptions cache = {.memory = memory};
  // Each grows from two pages to four: the youngest have to give theirs back.
  Sequences sequences;
  for (size_t i = 0; i < 4; ++i) {
    sequences.push_back(begun(loaded_, prompt(100, i), options, cache));
    engine.add(sequences.back());
  }
  bool waited = false;
  while (!engine.idle()) {
    (void)engine.step();
    EXPECT_LE(memory->used(), memory->limit());
    for (auto& sequence : sequences) {
      if (!sequence) continue;
      waited |= sequence->state() == SequenceState::waiting && sequence->result().tokens > 0;
      if (!sequence->finished()) continue;
      const size_t index = static_cast<size_t>(&sequence - sequences.data());
      EXPECT_EQ(sequence->result().reason, StopReason::max_tokens) << sequence->result().error;
      Engine other(test_context(), loaded_.model, {.prompt_chunk = 64});
      const auto alone = begun(loaded_, prompt(100, index), options);
      EXPECT_EQ(thoughts(sequence->result()), thoughts(run_to_end(other, alone, [](std::string_view) {})));
      EXPECT_EQ(sequence->tokens(), alone->tokens());
      EXPECT_EQ(sequence->result().decode_steps, 119);
      EXPECT_EQ(sequence->result().prompt_tokens, 100);
      sequence = nullptr;  // its pages are given back
    }
  }
  EXPECT_TRUE(waited);
  EXPECT_THAT(engine.step(), IsEmpty());  // the last event held its sequence
  EXPECT_EQ(memory->used(), 0);
}

TEST_F(EngineTest, EndsWhatNeverFitsIntoMemory) {
  const auto memory = std::make_shared<CacheMemory>(3 * page_);
  Engine engine(test_context(), loaded_.model, {.memory = memory});
  const CacheOptions cache = {.memory = memory};
  const auto small = begun(loaded_, prompt(60, 3), greedy(30), cache);
  const auto large = begun(loaded_, prompt(200), greedy(5), cache);         // its prompt does not fit
  const auto growing = begun(loaded_, prompt(100, 4), greedy(200), cache);  // its text does not
  engine.add(small);
  engine.add(large);
  engine.add(growing);
  (void)engine.step();
  EXPECT_EQ(large->result().reason, StopReason::error);
  EXPECT_THAT(large->result().error, HasSubstr("the cache's memory is full"));
  while (!small->finished()) (void)engine.step();
  EXPECT_EQ(small->tokens(), tokens_alone(loaded_, prompt(60, 3), greedy(30)));
  small->truncate(0);
  run_all(engine);
  EXPECT_EQ(growing->result().reason, StopReason::error);
  EXPECT_EQ(growing->tokens().size(), 3u * 64 + 1);  // the last one could not be read
}

TEST_F(EngineTest, ContextFullEndsOneAlone) {
  Engine engine(test_context(), loaded_.model);
  const auto full = begun(loaded_, prompt(60), greedy(1000), {.limit = 70});
  const auto other = begun(loaded_, prompt(9, 5), greedy(30));
  engine.add(full);
  engine.add(other);
  run_all(engine);
  EXPECT_EQ(full->result().reason, StopReason::context_full);
  EXPECT_EQ(full->result().tokens, 11);
  EXPECT_EQ(other->result().tokens, 30);
}

TEST_F(EngineTest, KeptPagesGiveWayToSequences) {
  const auto memory = std::make_shared<CacheMemory>(6 * page_);
  Engine engine(test_context(), loaded_.model, {.memory = memory, .kept_bytes = int64_t{1} << 30});
  const auto run = [&](const std::vector<int32_t>& ids) {
    const Generated result =
        run_to_end(engine, begun(loaded_, ids, greedy(3), {.memory = memory}), [](std::string_view) {});
    EXPECT_THAT(engine.step(), IsEmpty());  // the last event held the sequence
    return result;
  };
  const auto a = prompt(200, 1), b = prompt(200, 2);
  run(a);
  EXPECT_EQ(engine.kept_bytes(), 3 * page_);
  EXPECT_EQ(memory->used(), 3 * page_);
  EXPECT_EQ(run(a).reused_tokens, 128);  // 8 tokens alone would be contracted in another order
  run(b);
  EXPECT_EQ(engine.kept_bytes(), 5 * page_);  // b takes four pages for a while
  EXPECT_EQ(run(b).reused_tokens, 128);
  EXPECT_EQ(run(prompt(380, 3)).reason, StopReason::max_tokens);
  EXPECT_EQ(engine.kept_bytes(), 5 * page_);
  EXPECT_EQ(run(a).reused_tokens, 0);
}

TEST_F(EngineTest, KeepsWrittenTextWhereItMay) {
  for (const bool written : {false, true}) {
    Engine engine(test_context(), loaded_.model, {.kept_bytes = int64_t{1} << 30, .keep_written = written});
    const auto first = begun(loaded_, prompt(100), greedy(100));
    run_to_end(engine, first, [](std::string_view) {});
    EXPECT_EQ(engine.kept_bytes(), (written ? 3 : 1) * page_);
    auto next = first->tokens();
    next.resize(300, 1);
    EXPECT_EQ(run_to_end(engine, begun(loaded_, next, greedy(1)), [](std::string_view) {}).reused_tokens,
              (written ? 3 : 1) * kPageTokens);
  }
}

TEST_F(EngineTest, RefusesWhatItCannotRun) {
  const auto memory = std::make_shared<CacheMemory>(page_);
  Engine engine(test_context(), loaded_.model);
  const auto refused = [&](const std::shared_ptr<Sequence>& sequence) {
    return error_of([&] { engine.add(sequence); });
  };
  EXPECT_THAT(refused(std::make_shared<Sequence>(loaded_)), HasSubstr("after it has begun"));
  EXPECT_THAT(refused(begun(loaded_, prompt(4), greedy(3), {.memory = memory})), HasSubstr("another memory"));
  EXPECT_THAT(error_of([&] { begun(loaded_, std::vector<int32_t>{256}, greedy(3)); }),
              HasSubstr("outside the model's vocabulary"));
  const LoadedModel stranger = loaded_as(zoo_config("gqa"), 100);
  EXPECT_THAT(refused(begun(stranger, prompt(4), greedy(3))), HasSubstr("another model"));
  const auto sequence = begun(loaded_, prompt(4), greedy(3));
  engine.add(sequence);
  EXPECT_THAT(refused(sequence), HasSubstr("in the engine already"));
  EXPECT_EQ(engine.size(), 1);
  EXPECT_THROW(Engine(test_context(), loaded_.model, {.prompt_chunk = 100}), Error);
  EXPECT_THROW(Engine(test_context(), loaded_.model, {.sequences = 0}), Error);
  EXPECT_THROW(Engine(test_context(), loaded_.model, {.kept_bytes = -1}), Error);
}

TEST_F(EngineTest, IsDoneWithASequenceWhoseReaderThrows) {
  Engine engine(test_context(), loaded_.model);
  const auto sequence = begun(loaded_, prompt(4), greedy(30));
  EXPECT_THROW(run_to_end(engine, sequence, [](std::string_view) { throw std::runtime_error("no more"); }),
               std::runtime_error);
  EXPECT_TRUE(engine.idle());
  EXPECT_TRUE(sequence->finished());
}

// A prompt much longer than the window, in memory for little more than a piece of it.
TEST(Engine, ReadsALongPromptInTheMemoryOfItsWindows) {
  const LoadedModel loaded = loaded_as(zoo_config("tpa_windows"), 4000);
  const int64_t page = FactorCache(loaded.config()).page_bytes();
  const auto memory = std::make_shared<CacheMemory>(6 * page);
  const auto ids = random_ids(loaded.config(), 3000);
  Engine engine(test_context(), loaded.model, {.memory = memory, .prompt_chunk = 64});
  const auto sequence = begun(loaded, ids, greedy(70), {.memory = memory});
  run_to_end(engine, sequence, [](std::string_view) {});
  EXPECT_EQ(sequence->result().tokens, 70);
  EXPECT_LE(sequence->result().cache_bytes, 2 * page);
  EXPECT_EQ(sequence->tokens(), tokens_alone(loaded, ids, greedy(70), {}, 64));
}

}  // namespace
}  // namespace t6
