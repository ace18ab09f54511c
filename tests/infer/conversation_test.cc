#include "t6/infer/conversation.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "t6/core/error.h"
#include "tests/context.h"
#include "tests/error_of.h"
#include "tests/infer/random_weights.h"
#include "tests/temporary_folder.h"

namespace t6 {
namespace {

using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::Not;

LoadedModel byte_model(int64_t context) {
  ModelConfig config;
  config.vocab_size = 257;
  config.hidden_size = 24;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 4;
  config.head_dim = 8;
  config.max_position_embeddings = context;
  LoadedModel loaded;
  loaded.model = random_model(config);
  loaded.tokenizer = byte_tokenizer();
  return loaded;
}

GenerateOptions greedy(int64_t tokens) { return {.max_tokens = tokens, .sampler = {.temperature = 0}}; }

void ignore(std::string_view) {}

ChatTemplate built_in(const LoadedModel& loaded, std::string_view name) {
  return built_in_chat_template(name, *loaded.tokenizer);
}

std::string text_of(const LoadedModel& loaded, const Session& session) {
  return loaded.tokenizer->decode(session.tokens(), false);
}

TEST(Conversation, KeepsEveryMessageAndAnswerInTheCache) {
  const LoadedModel loaded = byte_model(400);
  Conversation conversation(test_context(), loaded, built_in(loaded, "chatml"), {}, {.system = "Be brief."});
  const Generated first = conversation.ask("Hi", greedy(5), ignore);
  const int64_t read = conversation.session().cache().size();
  const Generated second = conversation.ask("And?", greedy(5), ignore);
  EXPECT_EQ(text_of(loaded, conversation.session()),
            "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n" +
                first.text + "<|im_end|>\n<|im_start|>user\nAnd?<|im_end|>\n<|im_start|>assistant\n" + second.text);
  // The second message alone was read, and the last token of the answer before it.
  EXPECT_LT(second.prompt_tokens, read);

  // As if all of it had been read at once.
  Session whole(test_context(), loaded);
  const auto& tokens = conversation.session().tokens();
  whole.append(std::span(tokens).first(tokens.size() - 5));
  EXPECT_EQ(whole.generate(greedy(5), ignore).text, second.text);
}

TEST(Conversation, StartsOverAndComesBack) {
  const TemporaryFolder folder;
  const LoadedModel loaded = byte_model(400);
  Conversation conversation(test_context(), loaded, built_in(loaded, "plain"), {.type = NumberType::i8});
  const Generated first = conversation.ask("Hi", greedy(8), ignore);
  conversation.save(folder / "talk");
  const Generated next = conversation.ask("More", greedy(8), ignore);
  conversation.reset();
  EXPECT_EQ(conversation.session().cache().size(), 0);
  EXPECT_EQ(conversation.ask("Hi", greedy(8), ignore).text, first.text);
  conversation.reset("Be kind.");
  EXPECT_THAT(text_of(loaded, conversation.session()), "");
  conversation.load(folder / "talk");
  EXPECT_EQ(conversation.ask("More", greedy(8), ignore).text, next.text);
}

TEST(Conversation, AnswersTheLastQuestionAnew) {
  const TemporaryFolder folder;
  const LoadedModel loaded = byte_model(400);
  const auto drawn = [](uint64_t seed) {
    GenerateOptions options = {.max_tokens = 8, .sampler = {.seed = seed}};
    for (int32_t letter = 'a'; letter <= 'z'; ++letter) options.sampler.logit_bias[letter] = 100;
    return options;
  };
  Conversation conversation(test_context(), loaded, built_in(loaded, "chatml"), {});
  EXPECT_THAT(error_of([&] { conversation.ask_again(drawn(1), ignore); }), HasSubstr("no question yet"));
  conversation.ask("Hi", drawn(5), ignore);
  const Generated first = conversation.ask("And?", drawn(1), ignore);
  const size_t messages = conversation.messages().size();
  conversation.save(folder / "talk");

  const Generated other = conversation.ask_again(drawn(2), ignore);
  EXPECT_NE(other.text, first.text);
  EXPECT_LE(other.prompt_tokens, 1);  // the cache has the question
  EXPECT_EQ(conversation.messages().size(), messages);
  EXPECT_THAT(text_of(loaded, conversation.session()), Not(HasSubstr(first.text)));
  EXPECT_EQ(conversation.ask_again(drawn(1), ignore).text, first.text);

  CancelToken stop;
  GenerateOptions stopped = drawn(3);
  stopped.cancel = &stop;
  EXPECT_EQ(conversation.ask_again(stopped, [&](std::string_view) { stop.cancel(); }).reason, StopReason::interrupted);
  EXPECT_EQ(conversation.ask_again(drawn(2), ignore).text, other.text);

  conversation.load(folder / "talk");
  EXPECT_EQ(conversation.ask_again(drawn(2), ignore).text, other.text);
  EXPECT_EQ(conversation.messages().size(), messages);
  conversation.reset();
  EXPECT_THAT(error_of([&] { conversation.ask_again(drawn(1), ignore); }), HasSubstr("no question yet"));
}

// As Qwen3's: earlier answers without what was thought before them.
TEST(Conversation, ReadsAgainWhatItsTemplateWritesAnew) {
  const LoadedModel loaded = byte_model(400);
  const ChatTemplate thinks(
      "{% for m in messages %}<{{ m.role }}>{% if m.role == 'assistant' and not loop.last %}"
      "{{ m.content.split('/')[-1] }}{% else %}{{ m.content }}{% endif %}{{ '\n' }}{% endfor %}"
      "{% if add_generation_prompt %}<assistant>think/{% endif %}");
  Conversation conversation(test_context(), loaded, thinks, {});
  GenerateOptions stars = greedy(3);
  stars.sampler.logit_bias = {{'*', 1000.0f}};
  conversation.ask("Hi", stars, ignore);
  EXPECT_EQ(text_of(loaded, conversation.session()), "<user>Hi\n<assistant>think/***");
  const Generated second = conversation.ask("And?", stars, ignore);
  const std::string kept = "<user>Hi\n<assistant>", rest = "***\n<user>And?\n<assistant>think/";
  EXPECT_EQ(text_of(loaded, conversation.session()), kept + rest + "***");
  EXPECT_EQ(second.prompt_tokens, static_cast<int64_t>(rest.size()));

  Session whole(test_context(), loaded);
  whole.append(loaded.tokenizer->encode(kept + rest));
  EXPECT_EQ(whole.generate(greedy(5), ignore).text, [&] {
    Conversation again(test_context(), loaded, thinks, {});
    again.ask("Hi", stars, ignore);
    return again.ask("And?", greedy(5), ignore).text;
  }());
}

TEST(Conversation, EndsAnswersWhereItsTemplateDoes) {
  const LoadedModel loaded = byte_model(400);
  GenerateOptions line = greedy(9);
  line.sampler.logit_bias = {{'|', 1000.0f}};
  Conversation text(test_context(), loaded, ChatTemplate("{% for m in messages %}{{ m.content }} || {% endfor %}"), {});
  const Generated answer = text.ask("Hi", line, ignore);
  EXPECT_EQ(answer.reason, StopReason::stop_string);
  EXPECT_EQ(answer.text, "");
  EXPECT_EQ(text.messages().back().content, "");
  text.ask("And?", line, ignore);
  EXPECT_EQ(text_of(loaded, text.session()), "Hi ||  || And? || ||");

  line.sampler.logit_bias = {{256, 1000.0f}};
  LoadedModel no_end = loaded;
  Conversation token(test_context(), no_end,
                     ChatTemplate("{% for m in messages %}{{ m.content }} <|endoftext|>\n{% endfor %}"), {});
  EXPECT_EQ(token.ask("Hi", line, ignore).reason, StopReason::end_of_text);
}

TEST(Conversation, KeepsTypedControlTokensAsText) {
  const LoadedModel loaded = byte_model(400);
  const ChatTemplate bare("{{ '<|endoftext|>' }}{% for m in messages %}{{ m.content | trim }}{% endfor %}");
  const auto ends = [&](bool control_tokens) {
    Conversation conversation(test_context(), loaded, bare, {}, {.control_tokens = control_tokens});
    conversation.ask(" a<|endoftext|> ", greedy(1), ignore);
    const auto& tokens = conversation.session().tokens();
    EXPECT_TRUE(text_of(loaded, conversation.session()).starts_with("<|endoftext|>a<|endoftext|>"));
    return std::ranges::count(tokens, 256);
  };
  EXPECT_EQ(ends(false), 1);
  EXPECT_EQ(ends(true), 2);
}

TEST(Conversation, StaysAsItWasAfterAnError) {
  const TemporaryFolder folder;
  const LoadedModel loaded = byte_model(400);
  const ChatTemplate picky(
      "{% for m in messages %}{% if m.content == 'No' %}{{ raise_exception('never') }}{% endif %}"
      "{{ m.content }}|{% endfor %}");
  Conversation conversation(test_context(), loaded, picky, {});
  conversation.ask("Hi", greedy(3), ignore);
  const std::string before = text_of(loaded, conversation.session());
  EXPECT_EQ(error_of([&] { conversation.ask("No", greedy(3), ignore); }), "never");
  EXPECT_EQ(text_of(loaded, conversation.session()), before);
  EXPECT_EQ(conversation.messages().size(), 2u);

  Session session(test_context(), loaded);
  session.append(loaded.tokenizer->encode("ab"));
  session.save(folder / "bare");
  EXPECT_THAT(error_of([&] { conversation.load(folder / "bare"); }), HasSubstr("holds no messages"));
  EXPECT_EQ(text_of(loaded, conversation.session()), before);
}

TEST(Conversation, EndsAtTheContextsEndAndRefusesWhatDoesNotFit) {
  const LoadedModel loaded = byte_model(60);
  Conversation conversation(test_context(), loaded, built_in(loaded, "plain"), {});
  const Generated result = conversation.ask("Hello", greedy(500), ignore);
  EXPECT_EQ(result.reason, StopReason::context_full);
  const size_t held = conversation.session().tokens().size();
  EXPECT_EQ(held, 60u);
  EXPECT_THAT(error_of([&] { conversation.ask("More", greedy(5), ignore); }), HasSubstr("do not fit"));
  EXPECT_EQ(conversation.session().tokens().size(), held);
  conversation.reset();
  EXPECT_EQ(conversation.ask("Hello", greedy(3), ignore).tokens, 3);
}

TEST(Session, EndsWithTheTokensGiven) {
  const LoadedModel loaded = byte_model(60);
  const auto write = [&](const std::vector<int32_t>& stop_tokens) {
    Session session(test_context(), loaded);
    session.append(loaded.tokenizer->encode("ab"));
    GenerateOptions options = greedy(4);
    options.stop_tokens = stop_tokens;
    Generated result = session.generate(options, ignore);
    EXPECT_EQ(session.tokens().size(), static_cast<size_t>(2 + result.tokens));
    return std::pair(result, session.tokens());
  };
  const auto [whole, tokens] = write({});
  ASSERT_EQ(whole.tokens, 4);
  const auto [cut, kept] = write({300, tokens[4]});  // the third that it writes
  EXPECT_EQ(cut.reason, StopReason::end_of_text);
  EXPECT_THAT(kept, ElementsAreArray(tokens.begin(), std::find(tokens.begin() + 2, tokens.end(), tokens[4])));
}

// The last token that was written has not been read yet, and is not lost for that.
TEST(Session, SavesWhatItHasNotReadYet) {
  const TemporaryFolder folder;
  const LoadedModel loaded = byte_model(60);
  Session session(test_context(), loaded), other(test_context(), loaded);
  session.append(loaded.tokenizer->encode("ab"));
  session.generate(greedy(4), ignore);
  ASSERT_EQ(session.tokens().size(), 6u);
  ASSERT_EQ(session.cache().size(), 5);
  session.save(folder / "session");
  other.load(folder / "session");
  EXPECT_EQ(other.tokens(), session.tokens());
  EXPECT_EQ(other.generate(greedy(4), ignore).text, session.generate(greedy(4), ignore).text);
}

TEST(Session, GivesLogProbabilitiesOfWhatItWrites) {
  const LoadedModel loaded = byte_model(60);
  Session session(test_context(), loaded);
  session.append(loaded.tokenizer->encode("ab"));
  GenerateOptions options = greedy(4);
  options.log_probabilities = 3;
  const Generated result = session.generate(options, ignore);
  ASSERT_EQ(result.written.size(), 4u);
  for (const WrittenToken& token : result.written) {
    ASSERT_EQ(token.likeliest.size(), 3u);
    EXPECT_EQ(token.likeliest[0].id, token.id);  // greedy
    EXPECT_EQ(token.likeliest[0].value, token.log_probability);
    EXPECT_LT(token.log_probability, 0);
  }
}

}  // namespace
}  // namespace t6
