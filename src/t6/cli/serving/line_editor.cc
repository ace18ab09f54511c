#include "t6/cli/serving/line_editor.h"

#include <fmt/format.h>

#include <algorithm>
#include <clocale>
#include <cwchar>
#include <utility>

#include "t6/text/utf8.h"

namespace t6 {
namespace {

constexpr std::string_view kPasteBegins = "\x1b[200~", kPasteEnds = "\x1b[201~";
constexpr char kPrompt[] = "> ", kIndent[] = "  ";  // of the first line and of further ones
constexpr std::string_view kLineBlanks = " \t\n";
constexpr int kTab = 8;

// What these keys do beside Control, as other keys do it alone.
constexpr std::pair<char, std::string_view> kControls[] = {{'A', "\x1b[H"}, {'B', "\x1b[D"}, {'D', "\x1b[3~"},
                                                           {'E', "\x1b[F"}, {'F', "\x1b[C"}, {'N', "\x1b[B"},
                                                           {'P', "\x1b[A"}};

constexpr unsigned char control(char letter) { return static_cast<unsigned char>(letter & 0x1f); }

// Columns that a character takes on a terminal.
int width_of(char32_t character) {
  static const locale_t unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  if (character < 0x80 || !unicode) return 1;
  const locale_t others = uselocale(unicode);
  const int width = wcwidth(static_cast<wchar_t>(character));
  uselocale(others);
  return width < 0 ? 1 : width;
}

// Whether `bytes` are an escape sequence's beginning, or all of it: then its length, else 0 for "more must come".
size_t sequence_length(std::string_view bytes) {
  if (bytes.size() < 2) return 0;
  if (bytes[1] == 'O') return bytes.size() < 3 ? 0 : 3;
  if (bytes[1] != '[') return 2;
  for (size_t i = 2; i < bytes.size(); ++i) {
    if (bytes[i] >= '@' && bytes[i] <= '~') return i + 1;
  }
  return 0;
}

}  // namespace

// Rows as they are shown, and where the cursor is among them.
struct LineEditor::Layout {
  std::vector<std::string> rows;
  int row = 0, column = 0;
};

LineEditor::Outcome LineEditor::take(std::string& bytes) {
  while (!bytes.empty()) {
    if (pasting_) {
      if (!take_paste(bytes)) return Outcome::going_on;
    } else if (bytes[0] == '\x1b') {
      const size_t length = take_sequence(bytes);
      if (length == 0) return Outcome::going_on;
      bytes.erase(0, length);
    } else {
      const auto key = static_cast<unsigned char>(bytes[0]);
      bytes.erase(0, 1);
      const bool pair = std::exchange(after_return_, key == '\r') && key == '\n';
      if (pair) continue;
      if (const Outcome outcome = press(key); outcome != Outcome::going_on) return outcome;
    }
  }
  return Outcome::going_on;
}

// False: the paste goes on.
bool LineEditor::take_paste(std::string& bytes) {
  const size_t end = bytes.find(kPasteEnds);
  size_t count = std::min(end, bytes.size());
  if (end == std::string::npos) {  // the mark may come in two pieces, and so may "\r\n"
    while (count > 0 && kPasteEnds.starts_with(std::string_view(bytes).substr(count - 1))) --count;
    const size_t escape = bytes.rfind('\x1b');
    if (escape != std::string::npos && kPasteEnds.starts_with(std::string_view(bytes).substr(escape))) count = escape;
    if (count > 0 && bytes[count - 1] == '\r') --count;
  }
  std::string text;
  for (size_t i = 0; i < count; ++i) {
    const char c = bytes[i];
    if (c == '\n' && i > 0 && bytes[i - 1] == '\r') continue;
    const bool is_text = static_cast<unsigned char>(c) >= ' ' && c != '\x7f';
    if (c == '\r') text += '\n';
    if (is_text || c == '\n' || c == '\t') text += c;
  }
  insert(text);
  pasting_ = end == std::string::npos;
  bytes.erase(0, pasting_ ? count : count + kPasteEnds.size());
  return !pasting_;
}

// How many bytes were an escape sequence; 0: more must come.
size_t LineEditor::take_sequence(std::string_view bytes) {
  const size_t length = sequence_length(bytes);
  if (length == 0) return 0;
  if (length == 2 && bytes[1] != '\r' && bytes[1] != '\n') return 1;  // Escape, and then another key
  obey(bytes.substr(0, length));
  return length;
}

void LineEditor::obey(std::string_view sequence) {
  if (sequence == kPasteBegins) pasting_ = true;
  if (sequence.size() == 2) insert("\n");  // Alt and Enter
  const std::string_view key = sequence.substr(std::min<size_t>(2, sequence.size()));
  if (key == "D") cursor_ = before(cursor_);
  if (key == "C") cursor_ = after(cursor_);
  if (key == "H" || key == "1~" || key == "7~") cursor_ = line_begin();
  if (key == "F" || key == "4~" || key == "8~") cursor_ = line_end();
  if (key == "3~") erase(cursor_, after(cursor_));
  if (key == "A" && shown_ > 0) show_earlier(shown_ - 1);
  if (key == "B" && shown_ < earlier_.size()) show_earlier(shown_ + 1);
}

LineEditor::Outcome LineEditor::press(unsigned char key) {
  if (key == '\r' || key == '\n') return enter();
  if (key == control('D') && text_.empty()) return Outcome::end;
  if (key == control('H') || key == 0x7f) {
    erase(before(cursor_), cursor_);
  } else if (key == control('K')) {
    erase(cursor_, line_end());
  } else if (key == control('U')) {
    erase(line_begin(), cursor_);
  } else if (key == control('W')) {
    erase(word_begin(), cursor_);
  } else if (key >= ' ' || key == '\t') {
    insert({reinterpret_cast<const char*>(&key), 1});
  }
  for (const auto& [letter, sequence] : kControls) {
    if (key == control(letter)) obey(sequence);
  }
  return Outcome::going_on;
}

LineEditor::Outcome LineEditor::enter() {
  cursor_ = text_.size();
  if (!text_.ends_with('\\')) return Outcome::message;
  text_.back() = '\n';
  return Outcome::going_on;
}

void LineEditor::insert(std::string_view text) {
  text_.insert(cursor_, text);
  cursor_ += text.size();
}

void LineEditor::erase(size_t begin, size_t end) {
  text_.erase(begin, end - begin);
  cursor_ = begin;
}

void LineEditor::show_earlier(size_t index) {
  if (shown_ == earlier_.size()) draft_ = text_;
  shown_ = index;
  text_ = index == earlier_.size() ? draft_ : earlier_[index];
  cursor_ = text_.size();
}

size_t LineEditor::before(size_t at) const {
  while (at > 0 && (static_cast<unsigned char>(text_[--at]) & 0xC0) == 0x80) {
  }
  return at;
}

size_t LineEditor::after(size_t at) const { return at < text_.size() ? at + utf8_step(text_, at).length : at; }

// Of the word at or before the cursor.
size_t LineEditor::word_begin() const {
  const std::string_view left = std::string_view(text_).substr(0, cursor_);
  const size_t last = left.find_last_not_of(kLineBlanks);
  return last == std::string_view::npos ? 0 : left.find_last_of(kLineBlanks, last) + 1;
}

size_t LineEditor::line_begin() const { return cursor_ == 0 ? 0 : text_.rfind('\n', cursor_ - 1) + 1; }
size_t LineEditor::line_end() const { return std::min(text_.find('\n', cursor_), text_.size()); }

std::string LineEditor::finish() {
  std::string text = std::move(text_);
  const bool blank = text.find_first_not_of(kLineBlanks) == std::string::npos;
  if (!blank && (earlier_.empty() || earlier_.back() != text)) earlier_.push_back(text);
  drop();
  return text;
}

void LineEditor::drop() {
  text_.clear();
  draft_.clear();
  cursor_ = 0;
  pasting_ = false;
  shown_ = earlier_.size();
}

LineEditor::Layout LineEditor::layout(int columns) const {
  Layout out;
  out.rows = {kPrompt};
  int column = 2;
  for (size_t at = 0;;) {
    if (at == cursor_) {
      if (column >= columns) {
        out.rows.emplace_back();
        column = 0;
      }
      out.row = static_cast<int>(out.rows.size()) - 1;
      out.column = column;
    }
    if (at == text_.size()) return out;
    const std::string_view rest = std::string_view(text_).substr(at);
    const Utf8Step step = utf8_step(rest, 0);
    at += step.length;
    if (rest[0] == '\n') {
      out.rows.emplace_back(kIndent);
      column = 2;
      continue;
    }
    const int width = rest[0] == '\t' ? kTab - column % kTab : step.valid ? width_of(decode_utf8(rest)) : 1;
    if (column + width > columns) {
      out.rows.emplace_back();
      column = 0;
    }
    if (rest[0] == '\t') out.rows.back().append(static_cast<size_t>(width), ' ');
    if (rest[0] != '\t') out.rows.back() += step.valid ? std::string(rest.substr(0, step.length)) : "\uFFFD";
    column += width;
  }
}

std::string LineEditor::draw(int columns, int rows) {
  const Layout all = layout(columns);
  const int count = static_cast<int>(all.rows.size()), shown = std::min(count, rows - 1);
  const int first = std::clamp(all.row - shown + 1, 0, count - shown);
  std::string out = drawn_row_ > 0 ? fmt::format("\x1b[{}A", drawn_row_) : "";
  out += "\r\x1b[J";
  for (int i = first; i < first + shown; ++i) out += (i > first ? "\n" : "") + all.rows[static_cast<size_t>(i)];
  if (const int up = first + shown - 1 - all.row; up > 0) out += fmt::format("\x1b[{}A", up);
  out += '\r';
  if (all.column > 0) out += fmt::format("\x1b[{}C", all.column);
  drawn_row_ = all.row - first;
  return out;
}

std::string LineEditor::leave(int columns, int rows) {
  cursor_ = text_.size();
  std::string out = draw(columns, rows) + "\n";
  forget_drawn();
  return out;
}

}  // namespace t6
