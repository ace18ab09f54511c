#include "t6/eval/answers.h"

#include <gmock/gmock.h>

#include "t6/core/error.h"
#include "t6/infer/generate.h"
#include "tests/error_of.h"
#include "tests/infer/engine_models.h"
#include "tests/infer/model_folder.h"

namespace t6 {
namespace {

using ::testing::HasSubstr;

LoadedModel loaded_model(int64_t positions = 512) { return loaded_as(byte_config(), positions); }

AnswerDocument document_of(std::string prompt, int64_t tokens = 12) {
  AnswerDocument document{.name = "test:1", .groups = {"test"}, .prompt = std::move(prompt)};
  document.metric = "exact_match";
  document.key.answers = {"x"};
  document.max_tokens = tokens;
  return document;
}

std::string text_of(size_t bytes, char first = 'a') {
  std::string text;
  for (size_t i = 0; i < bytes; ++i) text += static_cast<char>(first + static_cast<char>(i * i % 26));
  return text;
}

std::vector<WrittenAnswer> answers_to(const LoadedModel& loaded, const std::vector<AnswerDocument>& documents,
                                      const AnswerOptions& options = {}) {
  std::vector<WrittenAnswer> answers;
  int64_t read = 0, all = 0;
  write_answers(
      test_context(), loaded, documents, options, [&](const WrittenAnswer& answer) { answers.push_back(answer); },
      [&](int64_t done, int64_t total) {
        EXPECT_GE(done, read);
        EXPECT_LE(done, total);
        read = done, all = total;
      });
  EXPECT_EQ(read, all);
  return answers;
}

std::string text_alone(const LoadedModel& loaded, const std::string& prompt, const GenerateOptions& options) {
  return generate(test_context(), loaded, prompt, options, [](std::string_view) {}).text;
}

TEST(Answers, AreWhatGenerateWritesAlone) {
  const LoadedModel loaded = loaded_model();
  std::vector<AnswerDocument> documents;
  for (size_t i = 0; i < 12; ++i) documents.push_back(document_of(text_of(5 + 17 * i), 1 + static_cast<int64_t>(i)));
  const auto answers = answers_to(loaded, documents);
  ASSERT_EQ(answers.size(), documents.size());
  for (size_t i = 0; i < answers.size(); ++i) {
    EXPECT_EQ(answers[i].document, i);
    EXPECT_EQ(answers[i].text, text_alone(loaded, documents[i].prompt, greedy(documents[i].max_tokens)));
    EXPECT_EQ(answers[i].prompt_tokens, std::ssize(documents[i].prompt));
    EXPECT_EQ(answers[i].tokens, documents[i].max_tokens);
    EXPECT_EQ(answers[i].left_out, 0);
  }
}

TEST(Answers, ACommonBeginningIsReadOnce) {
  const LoadedModel loaded = loaded_model();
  const std::string beginning = text_of(300);
  std::vector<AnswerDocument> documents;
  for (const char* end : {"one", "two", "three"}) documents.push_back(document_of(beginning + end));
  const auto answers = answers_to(loaded, documents);
  EXPECT_EQ(answers[0].reused, 0);
  for (size_t i = 1; i < 3; ++i) EXPECT_GE(answers[i].reused, 192) << i;
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(answers[i].text, text_alone(loaded, documents[i].prompt, greedy(12)));
}

TEST(Answers, PromptsLoseTheirMiddle) {
  const LoadedModel loaded = loaded_model(100);
  const std::string text = text_of(400);
  AnswerDocument document = document_of(text, 20);
  document.shortens = true;
  const auto by_context = answers_to(loaded, {document})[0];
  EXPECT_EQ(by_context.prompt_tokens, 80);
  EXPECT_EQ(by_context.left_out, 320);
  EXPECT_EQ(by_context.text, text_alone(loaded, text.substr(0, 40) + text.substr(360), greedy(20)));
  const auto by_option = answers_to(loaded, {document}, {.prompt_tokens = 31})[0];
  EXPECT_EQ(by_option.prompt_tokens, 30);  // half of an odd number, twice
  EXPECT_EQ(by_option.text, text_alone(loaded, text.substr(0, 15) + text.substr(385), greedy(20)));
  document.prompt = text.substr(0, 80);
  EXPECT_EQ(answers_to(loaded, {document})[0].left_out, 0);
}

TEST(Answers, ChatsAreWrittenByTheTemplate) {
  const LoadedModel loaded = loaded_model();
  const ChatTemplate chat = built_in_chat_template("chatml", *loaded.tokenizer);
  AnswerDocument document = document_of("What is it? It is");
  document.answer_prefix = "It is";
  const AnswerOptions options{.chat = &chat, .system = "Be short."};
  const std::vector<ChatMessage> messages = {{"system", "Be short."}, {"user", "What is it?"}};
  EXPECT_EQ(loaded.tokenizer->decode(prompt_tokens(loaded, document, options), false), chat.render(messages) + "It is");
  document.plain = true;
  EXPECT_EQ(loaded.tokenizer->decode(prompt_tokens(loaded, document, options), false), "What is it? It is");

  const LoadedModel small = loaded_model(150);
  AnswerDocument longer = document_of(text_of(500), 10);
  longer.shortens = true;
  const auto answer = answers_to(small, {longer}, options)[0];
  EXPECT_LE(answer.prompt_tokens, 140);
  EXPECT_GE(answer.prompt_tokens, 139);
}

TEST(Answers, EndWhereTheDocumentSays) {
  const LoadedModel loaded = loaded_model();
  const std::string prompt = text_of(30), whole = text_alone(loaded, prompt, greedy(40));
  AnswerDocument document = document_of(prompt, 40);
  document.stop = {whole.substr(10, 2)};
  EXPECT_EQ(answers_to(loaded, {document})[0].text, whole.substr(0, whole.find(document.stop[0])));
  document.stop.clear();
  document.first_line = true;
  std::string line = whole.substr(std::min(whole.find_first_not_of('\n'), whole.size()));
  EXPECT_EQ(answers_to(loaded, {document})[0].text, line.substr(0, line.find('\n')));
  document.ends_with_line = true;
  GenerateOptions options = greedy(40);
  options.stop_tokens = {'\n'};
  options.min_tokens = 1;
  document.first_line = false;
  EXPECT_EQ(answers_to(loaded, {document})[0].text, text_alone(loaded, prompt, options));
}

TEST(Answers, AreScoredByTheirMetric) {
  const LoadedModel loaded = loaded_model();
  AnswerDocument document = document_of("abc", 8);
  document.key.answers = {"no", text_alone(loaded, "abc", greedy(8))};
  document.metric = "contains_any";
  EXPECT_EQ(answers_to(loaded, {document})[0].score, 1);
  document.metric = "contains_all";
  EXPECT_LT(answers_to(loaded, {document})[0].score, 1);
}

TEST(Answers, ErrorsComeBeforeTheWork) {
  const LoadedModel loaded = loaded_model(64);
  const auto error = [&](const AnswerDocument& bad, const AnswerOptions& options = {}) {
    const std::vector<AnswerDocument> documents = {document_of("good"), bad};
    return error_of([&] {
      write_answers(
          test_context(), loaded, documents, options, [](const WrittenAnswer&) { ADD_FAILURE(); },
          [](int64_t, int64_t) { ADD_FAILURE(); });
    });
  };
  EXPECT_THAT(error(document_of("")), HasSubstr("test:1: the prompt is empty"));
  EXPECT_THAT(error(document_of(text_of(60))),
              HasSubstr("60 tokens and 12 of an answer do not fit into the context of 64"));
  EXPECT_THAT(error(document_of("x", 64)), HasSubstr("an answer of 64 tokens"));
  AnswerDocument bad = document_of("x");
  bad.metric = "nonsense";
  EXPECT_THAT(error(bad), HasSubstr("test:1: there is no metric"));
  bad.metric = "retrieval";
  EXPECT_THAT(error(bad), HasSubstr("and a number"));
}

TEST(Answers, ALongerContextExtrapolates) {
  const LoadedModel loaded = loaded_model(64);
  EXPECT_EQ(answers_to(loaded, {document_of(text_of(90))}, {.context = 128})[0].tokens, 12);
}

TEST(Answers, WhenCancelledThoseThatAreThereStay) {
  const LoadedModel loaded = loaded_model();
  CancelToken cancel;
  std::vector<AnswerDocument> documents(30, document_of(text_of(200), 3));
  documents[20].max_tokens = 100;
  std::vector<size_t> taken;
  write_answers(
      test_context(), loaded, documents, {.cancel = &cancel},
      [&](const WrittenAnswer& answer) {
        taken.push_back(answer.document);
        if (taken.size() == 5) cancel.cancel();
      },
      [](int64_t, int64_t) {});
  EXPECT_EQ(taken, (std::vector<size_t>{0, 1, 2, 3, 4}));
}

TEST(Answers, MemoryThatIsFullIsAnErrorWithTheDocument) {
  const LoadedModel loaded = loaded_model();
  const AnswerOptions options{.memory = std::make_shared<CacheMemory>(1000)};
  EXPECT_THAT(error_of([&] { (void)answers_to(loaded, {document_of("x")}, options); }), HasSubstr("test:1: "));
}

TEST(Answers, GroupsHaveMeansAndTheirErrors) {
  std::vector<AnswerDocument> documents(4);
  documents[0].groups = documents[1].groups = {"b", "b, short"};
  documents[2].groups = {"b"};
  documents[3].groups = {"a"};
  std::vector<WrittenAnswer> answers(4);
  const double scores[] = {1, 0, 0.5, 0.25};
  for (size_t i = 0; i < 4; ++i) answers[i].document = i, answers[i].score = scores[i];
  const auto groups = answer_groups(documents, answers);
  ASSERT_EQ(groups.size(), 3u);
  EXPECT_EQ(groups[0].name, "b");
  EXPECT_EQ(groups[0].documents, 3);
  EXPECT_DOUBLE_EQ(groups[0].mean, 0.5);
  EXPECT_DOUBLE_EQ(*groups[0].standard_error, 0.28867513459481287);  // numpy: std(ddof=1) / sqrt(3)
  EXPECT_EQ(groups[1].name, "b, short");
  EXPECT_EQ(groups[2].name, "a");
  EXPECT_FALSE(groups[2].standard_error);
}

}  // namespace
}  // namespace t6
