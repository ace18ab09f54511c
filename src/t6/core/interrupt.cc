#include "t6/core/interrupt.h"

#include <unistd.h>

#include <csignal>

namespace t6 {
namespace {

CancelToken token;

void on_signal(int signal) {
  if (token.cancelled()) _exit(128 + signal);
  token.cancel();
}

}  // namespace

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

CancelToken& interrupt_token() { return token; }

bool interrupted() { return token.cancelled(); }

void clear_interrupt() { token.reset(); }

}  // namespace t6
