// t6 chat: a conversation with a model.
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "t6/cli/flags.h"
#include "t6/cli/interrupt.h"
#include "t6/cli/program.h"
#include "t6/cli/serving/chat_flags.h"
#include "t6/cli/serving/commands.h"
#include "t6/cli/serving/generation_flags.h"
#include "t6/cli/serving/message_reader.h"
#include "t6/cli/serving/show_text.h"
#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/core/threads.h"
#include "t6/core/units.h"
#include "t6/infer/conversation.h"
#include "t6/text/utf8.h"

namespace t6 {
namespace {

struct ChatOptions {
  std::string model, load;
  ChatFlags chat;
  GenerateOptions generate = {.max_tokens = 1024};
  ChoiceFlags choice;
  CacheFlags cache;
  int threads = processor_count();
};

constexpr char kHelp[] =
    "  /file FILE [QUESTION]  send a file's text, and a question about it (a name with blanks in quotes)\n"
    "  /again                 another answer to the last question\n"
    "  /reset                 start over\n"
    "  /system TEXT           start over with this system message\n"
    "  /save FILE             keep the conversation in a file\n"
    "  /load FILE             go on with one that was kept\n"
    "  /stats                 what the conversation takes\n"
    "  /quit                  end (as Ctrl-D); Ctrl-C stops an answer\n"
    "A pasted block is one message; a line that ends in a backslash goes on in the next.\n";

constexpr char kBlanks[] = " \t\n";

// `text` from its first character on that is no blank, and up to the last.
std::string trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(kBlanks);
  return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

void print_statistics(const Session& session) {
  fmt::print(stderr, "{} of {} tokens, cache {} in {}\n", format_digits(static_cast<int64_t>(session.tokens().size())),
             format_digits(session.cache().limit()), format_bytes(static_cast<double>(session.cache().bytes())),
             cache_type_name(session.cache().type()));
}

// The text of the file that `argument` names, and what follows the name below it.
std::string file_message(const std::string& argument) {
  const bool quoted = argument[0] == '"' || argument[0] == '\'';
  size_t end = quoted ? argument.find(argument[0], 1) : argument.find_first_of(kBlanks);
  require(!quoted || end != std::string::npos, "/file {}: the quote at the beginning has no end", argument);
  if (!quoted && path_exists(argument)) end = argument.size();
  const std::string name = argument.substr(quoted, end - quoted);
  const std::string question = trimmed(argument.substr(std::min(end + quoted, argument.size())));
  std::string text(MappedFile(name).text());
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
  require(is_valid_utf8(text) && text.find('\0') == std::string::npos, "{}: is no text in UTF-8", name);
  require(!trimmed(text).empty(), "{}: holds no text", name);
  return question.empty() ? text : text + "\n\n" + question;
}

class Chat {
 public:
  Chat(Conversation conversation, const GenerateOptions& options)
      : conversation_(std::move(conversation)), options_(options) {}

  Conversation& conversation() { return conversation_; }
  // A message or a command. False: the conversation ends. Error: no such command, or what was asked for failed.
  bool take(const std::string& line);

 private:
  using Command = void (Chat::*)(const std::string& argument);
  struct Row {
    const char* name;
    const char* wants;  // null: no argument; empty: one that may be left out
    Command run;
  };
  static const Row kCommands[];

  void reset(const std::string&) { conversation_.reset(); }
  void system(const std::string& text) { conversation_.reset(text); }
  void stats(const std::string&) { print_statistics(conversation_.session()); }
  void help(const std::string&) { fmt::print("{}", kHelp); }
  void quit(const std::string&) { ended_ = true; }
  void save(const std::string& name) {
    conversation_.save(name, &interrupt_token());
    print_statistics(conversation_.session());
  }
  void load(const std::string& name) {
    conversation_.load(name);
    print_statistics(conversation_.session());
  }
  void file(const std::string& argument) { ask(file_message(argument)); }
  void ask(const std::string& message) { report(conversation_.ask(message, options_, show_text)); }
  void again(const std::string&) {
    report(conversation_.ask_again(options_, show_text));
    if (options_.sampler.temperature == 0) fmt::print(stderr, "t6: at temperature 0 every answer is the same\n");
  }

  void report(const Generated& result);

  Conversation conversation_;
  GenerateOptions options_;
  bool ended_ = false;
};

const Chat::Row Chat::kCommands[] = {{"/file", "the name of a file", &Chat::file},
                                     {"/again", nullptr, &Chat::again},
                                     {"/reset", nullptr, &Chat::reset},
                                     {"/system", "", &Chat::system},
                                     {"/save", "the name of a file", &Chat::save},
                                     {"/load", "the name of a file", &Chat::load},
                                     {"/stats", nullptr, &Chat::stats},
                                     {"/help", nullptr, &Chat::help},
                                     {"/quit", nullptr, &Chat::quit},
                                     {"/exit", nullptr, &Chat::quit}};

bool Chat::take(const std::string& line) {
  const size_t end = std::min(line.find_first_of(kBlanks), line.size());
  const std::string word = line.substr(0, end), argument = trimmed(line.substr(end));
  const auto* row = std::ranges::find_if(kCommands, [&](const Row& each) { return each.name == word; });
  if (row != std::end(kCommands)) {
    require(row->wants || argument.empty(), "{} stands alone; to send it, put a blank before it", word);
    require(!row->wants || !*row->wants || !argument.empty(), "{} wants {}", word, row->wants);
    (this->*row->run)(argument);
    return !ended_;
  }
  // A path has further slashes, dots or digits; a word alone is a slip.
  const bool slip = word.size() > 1 && word[0] == '/' && std::all_of(word.begin() + 1, word.end(), [](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
                    });
  require(!slip, "there is no command {}; /help lists them; to send it, put a blank before it", word);
  ask(line);
  return true;
}

void Chat::report(const Generated& result) {
  ++options_.sampler.seed;  // the same question may have another answer
  fmt::print("\n");
  std::fflush(stdout);
  if (result.reason == StopReason::context_full) {
    fmt::print(stderr, "t6: the context of {} tokens is full; /reset starts over\n",
               format_digits(conversation_.session().cache().limit()));
  }
  if (isatty(STDERR_FILENO) == 0) return;
  fmt::print(stderr, "\x1b[2m({} tokens at {} tokens/s, {})\x1b[0m\n", format_digits(result.tokens),
             format_count(result.decode_rate()), stop_reason_name(result.reason));
}

void talk(Chat& chat, MessageReader& messages) {
  while (const std::optional<std::string> line = messages.read()) {
    if (trimmed(*line).empty()) continue;
    try {
      if (!chat.take(*line)) return;
    } catch (const Error& error) {
      // What a line asked for failed; the conversation goes on, but not a script's.
      if (!messages.typed()) throw;
      fmt::print(stderr, "t6: error: {}\n", error.what());
    }
    if (!interrupt_token().cancelled()) continue;
    if (interrupt_signal() != SIGINT || !messages.typed()) return;
    interrupt_token().reset();
  }
}

void run(const CLI::App& command, const ChatOptions& options) {
  Context context(options.threads);
  const CacheOptions cache = cache_options(options.cache);
  const LoadedModel loaded = load_model(context, options.model);
  print_notes(loaded.notes);
  GenerateOptions generate = options.generate;
  apply_choice(command, options.choice, loaded, generate);
  generate.cancel = &interrupt_token();
  Chat chat(begin_conversation(context, loaded, options.chat, cache), generate);
  if (!options.load.empty()) chat.conversation().load(options.load);
  catch_interrupts();
  MessageReader messages;
  if (messages.typed()) fmt::print("{}: type a message, or /help\n", options.model);
  talk(chat, messages);
}

}  // namespace

void add_chat(CLI::App& app) {
  auto options = std::make_shared<ChatOptions>();
  CLI::App* command = app.add_subcommand("chat", "Talk with a model");
  add_model_argument(*command, options->model);
  CLI::Option* system = add_chat_flags(*command, options->chat).front();
  command
      ->add_option("--load", options->load, "Go on with a conversation kept by /save; it keeps its own system message")
      ->excludes(system);
  command->add_option("-n,--max-tokens", options->generate.max_tokens, "Tokens of an answer at most")
      ->check(count_from(1))
      ->capture_default_str();
  add_choice_flags(*command, options->choice);
  add_cache_flags(*command, options->cache);
  add_threads_flag(*command, options->threads);
  command->footer(
      "A line is a message, or a command that begins with a slash; /help lists them. A line that ends in a backslash\n"
      "goes on in the next, and a pasted block is one message. Ctrl-C stops an answer.\n"
      "Where the model's settings (generation_config.json) say how tokens are chosen, that is the default.\n"
      "Examples:\n"
      "  t6 chat model.gguf\n"
      "  t6 chat model.gguf --cache-type int8 --system 'Answer in one sentence.'\n"
      "  printf 'Hello!\\n/save talk.cache\\n' | t6 chat model.gguf --temperature 0");
  command->callback([=] { run(*command, *options); });
}

}  // namespace t6
