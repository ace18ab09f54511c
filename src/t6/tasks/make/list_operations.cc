// ListOps: nested operations on lists of digits.
#include <algorithm>
#include <array>

#include "t6/core/error.h"
#include "t6/tasks/make/makers.h"

namespace t6 {
namespace {

// Long Range Arena's: how deep a tree is, how many arguments an operation has, how often a place is an operation.
constexpr int kMostDepth = 10;
constexpr uint64_t kMostArguments = 10;
constexpr uint64_t kOperationsInFour = 1;
// A tree of 95 to 100 % of 2,000 symbols takes some thousand.
constexpr int kMostTrees = 200'000;

int64_t median(std::vector<int64_t> values) {
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;  // towards 0, as the arena's
}

struct Operation {
  std::string_view name;
  int64_t (*value)(const std::vector<int64_t>& arguments);
};
constexpr std::array<Operation, 4> kOperations = {{
    {"[MIN", [](const std::vector<int64_t>& all) { return *std::min_element(all.begin(), all.end()); }},
    {"[MAX", [](const std::vector<int64_t>& all) { return *std::max_element(all.begin(), all.end()); }},
    {"[MED", [](const std::vector<int64_t>& all) { return median(all); }},
    {"[SM",
     [](const std::vector<int64_t>& all) {
       int64_t sum = 0;
       for (const int64_t value : all) sum += value;
       return sum % 10;
     }},
}};

class Tree {
 public:
  Tree(Random& random, int64_t most) : random_(random), most_(most) { value_ = node(1); }

  bool fits() const { return symbols_ <= most_; }
  int64_t symbols() const { return symbols_; }
  int64_t value() const { return value_; }
  const std::string& text() const { return text_; }

 private:
  // Stops early once the text is too long: it is thrown away then.
  int64_t node(int depth) {
    if (depth >= kMostDepth || random_.below(4) >= kOperationsInFour) {
      const auto digit = static_cast<int64_t>(random_.below(10));
      write(std::to_string(digit));
      return digit;
    }
    const uint64_t count = 2 + random_.below(kMostArguments - 1);
    const Operation& operation = kOperations[random_.below(kOperations.size())];
    write(operation.name);
    std::vector<int64_t> arguments;
    for (uint64_t i = 0; i < count && fits(); ++i) arguments.push_back(node(depth + 1));
    write("X");
    return arguments.empty() ? 0 : operation.value(arguments);
  }

  void write(std::string_view symbol) {
    if (++symbols_ > 1) text_ += ' ';
    text_ += symbol;
  }

  Random& random_;
  int64_t most_, symbols_ = 0, value_ = 0;
  std::string text_;
};

}  // namespace

TaskDocument draw_list_operations(const TaskSettings& settings, int64_t least, Random random) {
  const int64_t most = settings.length;
  for (int i = 0; i < kMostTrees; ++i) {
    const Tree tree(random, most);
    // A symbol is at least one token and seldom more than six.
    if (!tree.fits() || tree.symbols() < (settings.count ? least / 6 : least)) continue;
    TaskDocument document{.context = tree.text(), .answer_prefix = {}};
    document.length = settings.count ? settings.count(document.context) : tree.symbols();
    if (document.length > most || document.length < least) continue;
    for (int digit = 0; digit < 10; ++digit) document.choices.push_back(std::to_string(digit));
    document.answers = {std::to_string(tree.value())};
    document.metric = "first_word";
    document.max_tokens = 4;
    return document;
  }
  fail("listops: none of {} trees is {} long; lengths up to some 5,000 symbols come up", kMostTrees, most);
}

}  // namespace t6
