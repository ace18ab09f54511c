#include "t6/cli/interrupt.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>

namespace t6 {
namespace {

CancelToken token;
volatile std::sig_atomic_t caught = 0;
std::atomic<void (*)()> tidy_up = nullptr;

void on_signal(int signal) {
  if (token.cancelled()) {
    if (const auto tidy = tidy_up.load()) tidy();
    _exit(128 + signal);
  }
  caught = signal;
  token.cancel();
}

}  // namespace

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  struct sigaction before {};
  sigaction(SIGHUP, nullptr, &before);
  if (before.sa_handler != SIG_IGN) sigaction(SIGHUP, &action, nullptr);
}

CancelToken& interrupt_token() { return token; }
int interrupt_signal() { return caught; }

void interrupt_by(int signal) {
  caught = signal;
  token.cancel();
}

void before_sudden_end(void (*tidy)()) { tidy_up = tidy; }

void end_if_interrupted() {
  if (!token.cancelled()) return;
  std::fflush(nullptr);
  std::signal(caught, SIG_DFL);
  std::raise(caught);
}

}  // namespace t6
