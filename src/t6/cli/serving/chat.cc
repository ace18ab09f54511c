// t6 chat: a conversation with a model.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <string>

#include "t6/cli/flags.h"
#include "t6/cli/interrupt.h"
#include "t6/cli/program.h"
#include "t6/cli/serving/chat_flags.h"
#include "t6/cli/serving/commands.h"
#include "t6/cli/serving/generation_flags.h"
#include "t6/core/error.h"
#include "t6/core/threads.h"
#include "t6/core/units.h"
#include "t6/infer/conversation.h"

namespace t6 {
namespace {

struct Options {
  std::string model, load;
  ChatFlags chat;
  GenerateOptions generate = {.max_tokens = 1024};
  CacheFlags cache;
  int threads = processor_count();
};

constexpr char kHelp[] =
    "  /reset          start over\n"
    "  /system TEXT    start over with this system message\n"
    "  /save FILE      keep the conversation in a file\n"
    "  /load FILE      go on with one that was kept\n"
    "  /stats          what the conversation takes\n"
    "  /quit           end (as Ctrl-D); Ctrl-C stops an answer\n";

constexpr char kSpaces[] = " \t";

// `text` from its first character on that is no space, and up to the last.
std::string trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(kSpaces);
  return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(kSpaces) + 1 - begin);
}

// Lines of standard input, read without hiding Ctrl-C.
class LineReader {
 public:
  // The next line; nothing at the end of the input. A Ctrl-C drops what was typed and asks again.
  std::optional<std::string> read(bool prompt) {
    if (prompt) show_prompt();
    for (;;) {
      if (const size_t end = held_.find('\n'); end != std::string::npos) {
        std::string line = held_.substr(0, end);
        held_.erase(0, end + 1);
        if (line.ends_with('\r')) line.pop_back();  // as files of Windows end their lines
        return line;
      }
      if (interrupt_token().cancelled()) {
        interrupt_token().reset();
        held_.clear();
        if (prompt) {
          fmt::print("\n(/quit or Ctrl-D ends)\n");
          show_prompt();
        }
      }
      pollfd input = {STDIN_FILENO, POLLIN, 0};
      if (poll(&input, 1, 200) <= 0) continue;
      char buffer[4096];
      const ssize_t count = ::read(STDIN_FILENO, buffer, sizeof(buffer));
      if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      require(count >= 0, "standard input: cannot read: {}", std::strerror(errno));
      if (count > 0) {
        held_.append(buffer, static_cast<size_t>(count));
      } else if (held_.empty()) {
        return std::nullopt;
      } else {
        held_ += '\n';
      }
    }
  }

 private:
  static void show_prompt() {
    fmt::print("\n> ");
    std::fflush(stdout);
  }

  std::string held_;
};

void print_statistics(const Session& session) {
  fmt::print(stderr, "{} of {} tokens, cache {} in {}\n", format_digits(static_cast<int64_t>(session.tokens().size())),
             format_digits(session.cache().limit()), format_bytes(static_cast<double>(session.cache().bytes())),
             cache_type_name(session.cache().type()));
}

// A line that begins with a slash. False: the conversation ends. Error: no such command, or what the command met.
bool obey(const std::string& line, Conversation& conversation) {
  const size_t end = std::min(line.find_first_of(kSpaces), line.size());
  const std::string command = line.substr(0, end), argument = trimmed(line.substr(end));
  if (command == "/quit" || command == "/exit") return false;
  if (command == "/reset") {
    conversation.reset();
  } else if (command == "/system") {
    conversation.reset(argument);
  } else if (command == "/stats") {
    print_statistics(conversation.session());
  } else if (command == "/save" || command == "/load") {
    require(!argument.empty(), "{} wants the name of a file", command);
    if (command == "/save") {
      conversation.save(argument, &interrupt_token());
    } else {
      conversation.load(argument);
    }
    print_statistics(conversation.session());
  } else {
    require(command == "/help", "there is no command {}; /help lists them", command);
    fmt::print("{}", kHelp);
  }
  return true;
}

void answer(const std::string& message, const GenerateOptions& options, Conversation& conversation) {
  const auto show = [](std::string_view piece) {
    fmt::print("{}", piece);
    std::fflush(stdout);
  };
  const Generated result = conversation.ask(message, options, show);
  fmt::print("\n");
  std::fflush(stdout);
  if (result.reason == StopReason::context_full) {
    fmt::print(stderr, "t6: the context of {} tokens is full; /reset starts over\n",
               format_digits(conversation.session().cache().limit()));
  }
  if (isatty(STDERR_FILENO) == 0) return;
  fmt::print(stderr, "\x1b[2m({} tokens at {} tokens/s, {})\x1b[0m\n", format_digits(result.tokens),
             format_count(result.decode_rate()), stop_reason_name(result.reason));
}

void run(const Options& options) {
  Context context(options.threads);
  const CacheOptions cache = cache_options(options.cache);
  const LoadedModel loaded = load_model(context, options.model);
  print_notes(loaded.notes);
  Conversation conversation = begin_conversation(context, loaded, options.chat, cache);
  if (!options.load.empty()) conversation.load(options.load);
  catch_interrupts();
  GenerateOptions generate = options.generate;
  generate.cancel = &interrupt_token();
  const bool typed = isatty(STDIN_FILENO) != 0;
  if (typed) fmt::print("{}: type a message, or /help\n", options.model);
  LineReader lines;
  while (const std::optional<std::string> line = lines.read(typed)) {
    if (trimmed(*line).empty()) continue;
    try {
      if ((*line)[0] == '/') {
        if (!obey(*line, conversation)) return;
      } else {
        answer(*line, generate, conversation);
        ++generate.sampler.seed;  // the same question may have another answer
      }
    } catch (const Error& error) {
      // What a line asked for failed; the conversation goes on, but not a script's.
      if (!typed) throw;
      fmt::print(stderr, "t6: error: {}\n", error.what());
    }
    interrupt_token().reset();
  }
}

}  // namespace

void add_chat(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("chat", "Talk with a model");
  add_model_argument(*command, options->model);
  add_chat_flags(*command, options->chat);
  command->add_option("--load", options->load, "Go on with a conversation kept by /save");
  command->add_option("-n,--max-tokens", options->generate.max_tokens, "Tokens of an answer at most")
      ->check(count_from(1))
      ->capture_default_str();
  add_sampler_flags(*command, options->generate.sampler);
  add_cache_flags(*command, options->cache);
  add_threads_flag(*command, options->threads);
  command->footer(
      "A line is a message, or a command that begins with a slash; /help lists them. Ctrl-C stops an answer.\n"
      "Examples:\n"
      "  t6 chat model.gguf\n"
      "  t6 chat model.gguf --cache-type int8 --system 'Answer in one sentence.'\n"
      "  printf 'Hello!\\n/save talk.cache\\n' | t6 chat model.gguf --temperature 0");
  command->callback([=] { run(*options); });
}

}  // namespace t6
