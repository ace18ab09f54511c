// A terminal that gives keys as they are pressed, without showing them, and marks what is pasted (bracketed paste).
#pragma once

namespace t6 {

// Whether standard input and output are a terminal that knows control sequences.
bool has_capable_terminal();

// Standard input's terminal is so while this lives, and as it was after every end but SIGKILL's and a crash's: also
// after a second Ctrl-C (interrupt.h), and while Ctrl-Z stops the program. One at a time.
class RawTerminal {
 public:
  RawTerminal();
  ~RawTerminal();
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

  // Whether the program was stopped and went on since this was asked last: others may have written to the terminal.
  static bool was_stopped();

  struct Size {
    int columns, rows;
  };
  static Size size();
};

}  // namespace t6
