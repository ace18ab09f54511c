// Ctrl-C as a question that a loop asks: the first one lets it finish and save, the second ends the program
// at once.
#pragma once

namespace t6 {

// From here on SIGINT and SIGTERM set the flag; a second one ends the process with the usual exit code.
void catch_interrupts();
bool interrupted();
void clear_interrupt();

}  // namespace t6
