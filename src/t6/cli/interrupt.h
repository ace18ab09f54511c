// Ctrl-C as a token that work looks at: the first one lets it finish and save, the second ends the program at once.
#pragma once

#include "t6/core/cancel_token.h"

namespace t6 {

// From here on SIGINT, SIGTERM and SIGHUP cancel interrupt_token(); a second one ends the process at once, with exit
// code 128 + its number. A process that was started to outlive its terminal (nohup) goes on passing over SIGHUP.
void catch_interrupts();
CancelToken& interrupt_token();
// The number of the last signal that was caught; 0: none.
int interrupt_signal();

// As if this signal had been caught: it came to another process of the same work.
void interrupt_by(int signal);

// What a second signal calls before it ends the process: it may do what a signal handler may. Null: nothing.
void before_sudden_end(void (*tidy)());

// For the end of a program that has heeded a signal, tidied up and has nothing else to do: ends the process by that
// signal, which a shell reports as 128 + its number (130 for Ctrl-C) and which ends its loops and "&&". Returns when
// nothing was caught, or the token was reset since.
void end_if_interrupted();

}  // namespace t6
