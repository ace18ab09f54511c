#include "t6/cli/progress_bar.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "t6/core/error.h"
#include "t6/core/units.h"

namespace t6 {
namespace {

bool quiet = false;

size_t terminal_width() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
}

}  // namespace

void ProgressBar::set_quiet(bool value) { quiet = value; }

ProgressBar::ProgressBar(std::string label, int64_t total, std::string unit)
    : label_(std::move(label)), unit_(std::move(unit)), total_(total), terminal_(isatty(STDERR_FILENO) == 1) {}

ProgressBar::~ProgressBar() { hide(); }

void ProgressBar::start_at(int64_t done) { start_ = done_ = done; }

void ProgressBar::update(int64_t done, std::string_view note) {
  done_ = done;
  note_ = note;
  const auto now = Clock::now();
  const auto pause = terminal_ ? std::chrono::milliseconds(100) : std::chrono::milliseconds(10'000);
  if (quiet || now - began_ < std::chrono::milliseconds(500) || now - drawn_ < pause) return;
  drawn_ = now;
  draw(false);
}

void ProgressBar::hide() {
  if (visible_ && terminal_) std::fputs("\r\x1b[K", stderr);
  visible_ = false;
}

void ProgressBar::finish() {
  if (finished_ || quiet) return;
  finished_ = true;
  if (Clock::now() - began_ >= std::chrono::milliseconds(500)) draw(true);
}

void ProgressBar::draw(bool last) {
  const double seconds = std::max(1e-9, std::chrono::duration<double>(Clock::now() - began_).count());
  const double rate = static_cast<double>(done_ - start_) / seconds;
  std::string line = label_;
  if (total_ > 0) {
    const double part = std::clamp(static_cast<double>(done_) / static_cast<double>(total_), 0.0, 1.0);
    if (terminal_) {
      constexpr size_t kCells = 24;
      const auto full = static_cast<size_t>(part * kCells);
      line += " ";
      for (size_t i = 0; i < kCells; ++i) line += i < full ? "━" : "╌";
    }
    line += fmt::format(" {:3.0f}%", 100 * part);
  }
  if (!unit_.empty()) {
    line +=
        unit_ == "B" ? fmt::format("  {}/s", format_bytes(rate)) : fmt::format("  {} {}/s", format_count(rate), unit_);
  }
  if (last) {
    line += fmt::format("  {}", format_seconds(seconds));
  } else if (total_ > 0 && rate > 0) {
    line += fmt::format("  {} left", format_seconds(static_cast<double>(total_ - done_) / rate));
  }
  if (!note_.empty()) line += "  " + note_;
  if (!terminal_) {
    std::fprintf(stderr, "%s\n", line.c_str());
    return;
  }
  // Cut to the terminal's width, counting a UTF-8 sequence as one column.
  size_t columns = 0, end = 0;
  for (; end < line.size(); ++end) {
    const bool starts = (static_cast<unsigned char>(line[end]) & 0xc0) != 0x80;
    if (starts && ++columns >= terminal_width()) break;
  }
  std::fprintf(stderr, "\r%s\x1b[K%s", line.substr(0, end).c_str(), last ? "\n" : "");
  std::fflush(stderr);
  visible_ = !last;
}

}  // namespace t6
