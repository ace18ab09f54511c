// A message while it is typed: its text, the cursor in it, earlier ones, and how it looks on a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace t6 {

class LineEditor {
 public:
  enum class Outcome { going_on, message, end };

  // Takes keys as a terminal sends them off the front of `bytes`, up to the end of a message (Enter) or of the input
  // (Ctrl-D in an empty message). What may go on with further bytes stays there. A pasted block is text, its lines
  // included; a backslash before Enter becomes a new line.
  Outcome take(std::string& bytes);

  // The text, which is empty afterwards and counts as an earlier one.
  std::string finish();
  void drop();
  bool empty() const { return text_.empty(); }

  // What shows the text on a terminal of this size in place of what was drawn before; "\n" begins a line there. Of a
  // text that is higher, the part around the cursor.
  std::string draw(int columns, int rows);
  // What leaves the text as it stands and goes on below it.
  std::string leave(int columns, int rows);
  // The next draw() begins on a new line.
  void forget_drawn() { drawn_row_ = 0; }

 private:
  struct Layout;

  Outcome press(unsigned char key);
  Outcome enter();
  bool take_paste(std::string& bytes);
  size_t take_sequence(std::string_view bytes);
  void obey(std::string_view sequence);
  void insert(std::string_view text);
  void erase(size_t begin, size_t end);
  void show_earlier(size_t index);
  size_t before(size_t at) const;
  size_t after(size_t at) const;
  size_t word_begin() const;
  size_t line_begin() const;
  size_t line_end() const;
  Layout layout(int columns) const;

  std::string text_, draft_;  // draft_: what was typed before an earlier one was shown
  size_t cursor_ = 0;
  std::vector<std::string> earlier_;
  size_t shown_ = 0;  // of earlier_; its size: what is being typed
  bool pasting_ = false, after_return_ = false;
  int drawn_row_ = 0;  // of the cursor, below the first row drawn
};

}  // namespace t6
