#include "t6/core/units.h"

#include <cctype>
#include <charconv>
#include <cmath>

#include "t6/core/error.h"

namespace t6 {

int64_t parse_bytes(std::string_view text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  std::string unit;
  for (const char* c = rest; c != end; ++c) {
    if (*c != ' ') unit += static_cast<char>(std::tolower(static_cast<unsigned char>(*c)));
  }
  if (!unit.empty() && unit.back() == 'b') unit.pop_back();
  // "16G" means GiB to people who size memory; "16GB" with its B means the power of 1000.
  const bool decimal = !unit.empty() && unit.back() != 'i' && std::tolower(text.back()) == 'b';
  const size_t power = unit.empty() ? 0 : std::string_view("kmgtp").find(unit[0]) + 1;
  const bool known = unit.empty() || (power > 0 && (unit.size() == 1 || (unit.size() == 2 && unit[1] == 'i')));
  const double bytes = value * std::pow(decimal ? 1000.0 : 1024.0, static_cast<double>(power));
  require(error == std::errc() && known && value > 0 && bytes < 9e18,
          "'{}' is not a size; wanted a number with a unit, for example 16GiB or 512MB", text);
  return static_cast<int64_t>(bytes);
}

std::string format_bytes(double bytes) {
  constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  size_t unit = 0;
  for (; bytes >= 1024 && unit + 1 < std::size(units); ++unit) bytes /= 1024;
  return unit == 0 ? fmt::format("{:.0f} B", bytes) : fmt::format("{:.{}f} {}", bytes, bytes < 10 ? 2 : 1, units[unit]);
}

std::string format_count(double count) {
  constexpr const char* units[] = {"", " K", " M", " G", " T", " P"};
  size_t unit = 0;
  for (; std::abs(count) >= 1000 && unit + 1 < std::size(units); ++unit) count /= 1000;
  return unit == 0 ? fmt::format("{:.0f}", count) : fmt::format("{:.{}f}{}", count, count < 10 ? 2 : 1, units[unit]);
}

std::string format_rate(double rate) {
  return std::abs(rate) < 1000 ? fmt::format("{:.3g}", rate) : format_digits(std::llround(rate));
}

std::string format_digits(int64_t count) {
  std::string digits = std::to_string(count);
  for (auto i = static_cast<int64_t>(digits.size()) - 3; i > (count < 0 ? 1 : 0); i -= 3) {
    digits.insert(static_cast<size_t>(i), ",");
  }
  return digits;
}

std::string format_seconds(double seconds) {
  if (!(seconds >= 0 && seconds < 1e9)) return "?";
  const auto whole = static_cast<int64_t>(std::lround(seconds));
  if (whole < 60) return fmt::format("{}s", whole);
  if (whole < 3600) return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  return fmt::format("{}h{:02}m", whole / 3600, whole / 60 % 60);
}

}  // namespace t6
