// What somebody types, or a script holds, a message at a time.
#pragma once

#include <optional>
#include <string>

#include "t6/cli/serving/line_editor.h"
#include "t6/cli/serving/raw_terminal.h"

namespace t6 {

// Reads standard input without hiding Ctrl-C: catch_interrupts() comes first. A message is a line; one that ends in a
// backslash goes on in the next. On a terminal it can be edited, and a pasted block is one message. A byte order mark
// at the start is none of the text.
class MessageReader {
 public:
  MessageReader();

  // Whether somebody types.
  bool typed() const { return typed_; }
  // The next message; nothing at the end of the input, and after a signal that asks the program to end. A Ctrl-C
  // drops what was typed and asks again; it ends a script. Error: the input cannot be read.
  std::optional<std::string> read();

 private:
  enum class Input { bytes, end, dropped, ended };

  std::optional<std::string> read_lines();
  std::optional<std::string> read_keys();
  std::optional<std::string> next_line();
  Input read_some();
  void draw();

  bool typed_, begins_ = true, at_end_ = false;
  std::string held_;
  std::optional<RawTerminal> terminal_;
  LineEditor editor_;
};

}  // namespace t6
