#include "t6/train/steps/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "t6/core/error.h"

namespace t6 {

ScheduleKind parse_schedule_kind(const std::string& name, const std::string& source) {
  if (name == "cosine") return ScheduleKind::cosine;
  if (name == "constant") return ScheduleKind::constant;
  if (name == "wsd") return ScheduleKind::wsd;
  fail("{} must be \"cosine\", \"constant\" or \"wsd\", not \"{}\"", source, name);
}

double Schedule::rate(int64_t step) const {
  if (step <= warmup_steps) return maximum * static_cast<double>(step) / static_cast<double>(warmup_steps);
  if (kind == ScheduleKind::constant) return maximum;
  const int64_t first = kind == ScheduleKind::wsd ? steps - decay_steps : 0;
  const int64_t begin = std::max({warmup_steps, first, int64_t{1}});  // the last step with the maximal rate
  if (step <= begin) return maximum;
  const double part = std::min(1.0, static_cast<double>(step - begin) / static_cast<double>(steps - begin));
  if (kind == ScheduleKind::wsd) return maximum + (minimum - maximum) * part;
  return minimum + (maximum - minimum) * 0.5 * (1 + std::cos(std::numbers::pi * part));
}

}  // namespace t6
