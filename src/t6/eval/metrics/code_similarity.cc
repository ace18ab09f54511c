// How alike two lines of code are: the ratio of Python's difflib, which fuzzywuzzy rounds to per cent.
#include <cmath>
#include <cstdint>
#include <unordered_map>

#include "t6/eval/metrics/metrics.h"
#include "t6/text/python_text.h"

namespace t6 {
namespace {

// difflib passes over characters that stand in more than a hundredth of a text of this length or more.
constexpr size_t kLongText = 200;

struct Part {
  size_t a_begin, a_end, b_begin, b_end;
};
struct Block {
  size_t a, b, size;
};

// Ratcliff's and Obershelp's matching: the longest common block, then the same on both sides of it.
class Matcher {
 public:
  Matcher(std::vector<char32_t> a, std::vector<char32_t> b) : a_(std::move(a)), b_(std::move(b)) {
    for (size_t j = 0; j < b_.size(); ++j) places_[b_[j]].push_back(j);
    if (b_.size() < kLongText) return;
    std::erase_if(places_, [&](const auto& each) { return each.second.size() > b_.size() / 100 + 1; });
  }

  double ratio() const {
    size_t matches = 0;
    for (std::vector<Part> parts = {{0, a_.size(), 0, b_.size()}}; !parts.empty();) {
      const Part part = parts.back();
      parts.pop_back();
      const Block block = longest(part);
      if (block.size == 0) continue;
      matches += block.size;
      parts.push_back({part.a_begin, block.a, part.b_begin, block.b});
      parts.push_back({block.a + block.size, part.a_end, block.b + block.size, part.b_end});
    }
    return 2 * static_cast<double>(matches) / static_cast<double>(a_.size() + b_.size());
  }

 private:
  // Of blocks equally long the first in a, and of these the first in b.
  Block longest(const Part& part) const {
    Block best = {part.a_begin, part.b_begin, 0};
    std::unordered_map<size_t, size_t> lengths, next;  // of the common block that ends at a place of b
    for (size_t i = part.a_begin; i < part.a_end; ++i, std::swap(lengths, next)) {
      next.clear();
      const auto found = places_.find(a_[i]);
      if (found == places_.end()) continue;
      for (const size_t j : found->second) {
        if (j < part.b_begin || j >= part.b_end) continue;
        const auto before = j == 0 ? lengths.end() : lengths.find(j - 1);
        const size_t length = before == lengths.end() ? 1 : before->second + 1;
        next[j] = length;
        if (length > best.size) best = {i + 1 - length, j + 1 - length, length};
      }
    }
    return extended(best, part);
  }

  // Takes in the characters beside the block that were passed over.
  Block extended(Block block, const Part& part) const {
    while (block.a > part.a_begin && block.b > part.b_begin && a_[block.a - 1] == b_[block.b - 1]) {
      --block.a, --block.b, ++block.size;
    }
    while (block.a + block.size < part.a_end && block.b + block.size < part.b_end &&
           a_[block.a + block.size] == b_[block.b + block.size]) {
      ++block.size;
    }
    return block;
  }

  std::vector<char32_t> a_, b_;
  std::unordered_map<char32_t, std::vector<size_t>> places_;  // in b
};

// The first line that is neither a comment nor a mark of Markdown.
std::string_view first_code_line(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of('\n'), text.size()));
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    const auto has = [&](std::string_view mark) { return line.find(mark) != std::string_view::npos; };
    if (!has("`") && !has("#") && !has("//")) return line;
    begin = end + 1;
  }
  return {};
}

}  // namespace

double code_similarity(std::string_view written, std::string_view right) {
  const std::string_view line = first_code_line(written);
  if (line == right) return 1;
  if (line.empty() || right.empty()) return 0;
  return std::nearbyint(100 * Matcher(python_code_points(line), python_code_points(right)).ratio()) / 100;
}

}  // namespace t6
