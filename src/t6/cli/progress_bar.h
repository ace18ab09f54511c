// A progress bar on standard error: rate and time left. On a terminal it redraws one line; elsewhere it
// prints a line every ten seconds, so that a log stays readable. Nothing is drawn for work that ends within
// half a second.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace t6 {

class ProgressBar {
 public:
  // `unit` follows the rate ("tokens" gives "12.3 K tokens/s"); "B" counts bytes; without one no rate is shown.
  // total <= 0: unknown, no bar.
  ProgressBar(std::string label, int64_t total, std::string unit);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // Work done so far, of `total`; `note` is shown at the end ("loss 1.234"). Cheap: draws at most ten times a
  // second.
  void update(int64_t done, std::string_view note = {});
  // What was done before this run (a resumed one): counts for the bar and not for the rate.
  void start_at(int64_t done);
  // Clears the line so that other output can be printed; the next update draws again.
  void hide();
  // Draws the last state and ends the line.
  void finish();

  static void set_quiet(bool quiet);  // no bars at all (--quiet)

 private:
  using Clock = std::chrono::steady_clock;
  void draw(bool last);

  std::string label_, unit_, note_;
  int64_t total_, done_ = 0, start_ = 0;
  Clock::time_point began_ = Clock::now(), drawn_ = began_;
  bool terminal_, visible_ = false, finished_ = false;
};

}  // namespace t6
