// Ctrl-C as a question that a loop asks: the first one lets it finish and save, the second ends the program
// at once.
#pragma once

#include "t6/core/cancel_token.h"

namespace t6 {

// From here on SIGINT and SIGTERM cancel interrupt_token(); a second one ends the process with the usual exit code.
void catch_interrupts();
CancelToken& interrupt_token();
bool interrupted();
void clear_interrupt();

}  // namespace t6
