#include "t6/cli/serving/message_reader.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "t6/cli/interrupt.h"
#include "t6/core/error.h"

namespace t6 {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr char kHowToEnd[] = "\n(/quit or Ctrl-D ends)\n";

void show(std::string_view text) {
  fmt::print("{}", text);
  std::fflush(stdout);
}

}  // namespace

MessageReader::MessageReader() : typed_(::isatty(STDIN_FILENO) != 0) {
  if (has_capable_terminal()) terminal_.emplace();
}

std::optional<std::string> MessageReader::read() {
  if (typed_) show("\n");
  return terminal_ ? read_keys() : read_lines();
}

// Waits for bytes, which go to held_.
MessageReader::Input MessageReader::read_some() {
  for (;;) {
    if (interrupt_token().cancelled()) {
      if (interrupt_signal() != SIGINT || !typed_) return Input::ended;
      interrupt_token().reset();
      held_.clear();
      return Input::dropped;
    }
    if (terminal_ && RawTerminal::was_stopped()) draw();
    pollfd input = {STDIN_FILENO, POLLIN, 0};
    if (::poll(&input, 1, 200) <= 0) continue;
    char buffer[4096];
    const ssize_t count = ::read(STDIN_FILENO, buffer, sizeof(buffer));
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    const bool gone = count < 0 && errno == EIO && typed_;  // the terminal
    require(count >= 0 || gone, "standard input: cannot read: {}", std::strerror(errno));
    if (count <= 0) return Input::end;
    held_.append(buffer, static_cast<size_t>(count));
    return Input::bytes;
  }
}

std::optional<std::string> MessageReader::next_line() {
  for (;;) {
    size_t end = held_.find('\n');
    if (end == std::string::npos && at_end_ && !held_.empty()) end = held_.size();
    if (end != std::string::npos) {
      std::string line = held_.substr(0, end);
      held_.erase(0, end + 1);
      if (line.ends_with('\r')) line.pop_back();  // as files of Windows end their lines
      if (begins_ && line.starts_with(kByteOrderMark)) line.erase(0, kByteOrderMark.size());
      begins_ = false;
      return line;
    }
    if (at_end_) return std::nullopt;
    const Input input = read_some();
    if (input == Input::ended) return std::nullopt;
    if (input == Input::dropped) show(fmt::format("{}\n> ", kHowToEnd));
    at_end_ = input == Input::end;
  }
}

std::optional<std::string> MessageReader::read_lines() {
  if (typed_) show("> ");
  at_end_ = false;
  std::optional<std::string> message = next_line();
  while (message && message->ends_with('\\')) {
    message->back() = '\n';
    const std::optional<std::string> more = next_line();
    if (!more) break;
    *message += *more;
  }
  return message;
}

void MessageReader::draw() {
  const auto [columns, rows] = RawTerminal::size();
  show(editor_.draw(columns, rows));
}

std::optional<std::string> MessageReader::read_keys() {
  draw();
  for (;;) {
    const LineEditor::Outcome outcome = editor_.take(held_);
    if (outcome == LineEditor::Outcome::going_on) {
      draw();
      const Input input = read_some();
      if (input == Input::bytes) continue;
      const auto [columns, rows] = RawTerminal::size();
      show(editor_.leave(columns, rows));
      editor_.drop();
      if (input != Input::dropped) return std::nullopt;
      show(kHowToEnd + 1);
      show("\n");
      draw();
      continue;
    }
    const auto [columns, rows] = RawTerminal::size();
    show(editor_.leave(columns, rows));
    if (outcome == LineEditor::Outcome::end) return std::nullopt;
    return editor_.finish();
  }
}

}  // namespace t6
