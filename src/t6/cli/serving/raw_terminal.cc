#include "t6/cli/serving/raw_terminal.h"

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string_view>

#include "t6/cli/interrupt.h"

namespace t6 {
namespace {

termios before;
volatile std::sig_atomic_t stopped = 0;

// These two do what a signal handler may.
void write_all(std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(STDOUT_FILENO, text.data(), text.size());
    if (count <= 0) return;
    text.remove_prefix(static_cast<size_t>(count));
  }
}

void enter() {
  termios raw = before;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  raw.c_iflag &= ~static_cast<tcflag_t>(ICRNL | IXON);
  raw.c_cc[VQUIT] = _POSIX_VDISABLE;  // it would end the program with the terminal as it is
  raw.c_cc[VLNEXT] = _POSIX_VDISABLE;
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  write_all("\x1b[?2004h");
}

void leave() {
  write_all("\x1b[?2004l");
  ::tcsetattr(STDIN_FILENO, TCSANOW, &before);
}

void on_stop(int) {
  const int error = errno;
  leave();
  ::kill(::getpid(), SIGSTOP);
  enter();
  stopped = 1;
  errno = error;
}

void handle_stop(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  sigaction(SIGTSTP, &action, nullptr);
}

}  // namespace

bool has_capable_terminal() {
  const char* kind = std::getenv("TERM");
  return ::isatty(STDIN_FILENO) != 0 && ::isatty(STDOUT_FILENO) != 0 && kind && *kind != '\0' &&
         std::string_view(kind) != "dumb" && ::tcgetattr(STDIN_FILENO, &before) == 0;
}

RawTerminal::RawTerminal() {
  ::tcgetattr(STDIN_FILENO, &before);
  before_sudden_end(leave);
  handle_stop(on_stop);
  enter();
}

RawTerminal::~RawTerminal() {
  handle_stop(SIG_DFL);
  leave();
  before_sudden_end(nullptr);
}

bool RawTerminal::was_stopped() {
  const bool was = stopped != 0;
  stopped = 0;
  return was;
}

RawTerminal::Size RawTerminal::size() {
  winsize window = {};
  const bool known = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col >= 8 && window.ws_row >= 2;
  return known ? Size{window.ws_col, window.ws_row} : Size{80, 24};
}

}  // namespace t6
