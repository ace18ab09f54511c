// Metrics that look for right answers within what was written.
#include <algorithm>

#include "t6/core/error.h"
#include "t6/eval/metrics/metrics.h"
#include "t6/text/python_text.h"

namespace t6 {
namespace {

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

}  // namespace

double number_share(std::string_view written, std::string_view right) {
  const std::vector<std::string_view> numbers = python_numbers(written);
  if (numbers.empty()) return 0;
  return static_cast<double>(std::count(numbers.begin(), numbers.end(), right)) / static_cast<double>(numbers.size());
}

double marked_number_share(std::string_view written, std::string_view right, std::string_view mark) {
  for (size_t at = right.find(mark); at != std::string_view::npos; at = right.find(mark, at + 1)) {
    const std::string_view rest = right.substr(at + mark.size());
    const std::vector<std::string_view> numbers = python_numbers(rest);
    if (!numbers.empty() && numbers[0].data() == rest.data()) return number_share(written, numbers[0]);
  }
  fail("the right answer \"{}\" is not \"{}\" and a number", right, mark);
}

// Classes whose name is part of the right one's do not count against it. As in LongBench's own loop, the class that
// comes after one that was taken out is not looked at.
double classification(std::string_view written, std::string_view right, const std::vector<std::string>& classes) {
  std::vector<std::string_view> found;
  for (const std::string& name : classes) {
    if (contains(written, name)) found.push_back(name);
  }
  for (size_t i = 0; i < found.size(); ++i) {
    const std::string_view name = found[i];
    if (name != right && contains(right, name)) found.erase(std::find(found.begin(), found.end(), name));
  }
  const bool is_right = std::find(found.begin(), found.end(), right) != found.end();
  return is_right ? 1 / static_cast<double>(found.size()) : 0;
}

double share_contained(std::string_view written, const std::vector<std::string>& answers) {
  std::string text(python_strip(written));
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c >= 0 && c < 0x20; }, '\n');
  const std::string lower = python_lower(python_strip(text));
  double count = 0;
  for (const std::string& answer : answers) count += contains(lower, python_lower(answer));
  return count / static_cast<double>(answers.size());
}

std::string chosen_letter(std::string_view written) {
  std::string text(written);
  std::erase(text, '*');
  for (const std::string_view begin : {"The correct answer is (", "The correct answer is "}) {
    for (size_t at = text.find(begin); at != std::string::npos; at = text.find(begin, at + 1)) {
      const std::string_view rest = std::string_view(text).substr(at + begin.size());
      if (rest.empty() || rest[0] < 'A' || rest[0] > 'D') continue;
      if (!begin.ends_with('(') || (rest.size() > 1 && rest[1] == ')')) return std::string(rest.substr(0, 1));
    }
  }
  return {};
}

}  // namespace t6
