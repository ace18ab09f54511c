// Variable tracking: which names have a value, through a chain of assignments.
#include <set>

#include "t6/core/error.h"
#include "t6/tasks/make/haystack.h"
#include "t6/tasks/make/makers.h"
#include "t6/tasks/make/vocabulary.h"

namespace t6 {
namespace {

constexpr size_t kNames = 5;           // RULER's four hops
constexpr int64_t kExampleNoise = 25;  // sentences of the example that goes before

struct Chain {
  std::vector<std::string> names, lines;
  std::string text, value;
};

// Assignments hidden in noise. Names of an example are shorter than those of the question, as in RULER.
Chain make_chain(int letters, int64_t sentences, Random& random) {
  Chain chain;
  chain.value = random_digits(random, 5);
  std::set<std::string> drawn;
  while (chain.names.size() < kNames) {
    std::string name = random_letters(random, 'A', letters);
    if (!drawn.insert(name).second) continue;
    chain.lines.push_back(chain.names.empty() ? fmt::format("VAR {} = {}", name, chain.value)
                                              : fmt::format("VAR {} = VAR {}", name, chain.names.back()));
    chain.names.push_back(std::move(name));
  }
  std::vector<std::string> lines = noise_lines(sentences);
  hide(lines, chain.lines, std::nullopt, random);
  chain.text = join(lines, "\n");
  return chain;
}

std::string question(const Chain& chain) {
  return fmt::format(
      "Memorize and track the chain(s) of variable assignment hidden in the following text.\n\n{}\nQuestion: Find all "
      "variables that are assigned the value {} in the text above. ",
      chain.text, chain.value);
}

// RULER's words, with its slip of the pen.
std::string prefix(const Chain& chain) {
  return fmt::format(
      "Answer: According to the chain(s) of variable assignment in the text above, {} variables are assgined the value "
      "{}, they are:",
      kNames, chain.value);
}

}  // namespace

TaskDocument make_variables(const TaskSettings&, int64_t, Random random, int64_t size) {
  const Chain example = make_chain(3, kExampleNoise, random), chain = make_chain(5, size, random);
  TaskDocument document{.context = {}, .answer_prefix = prefix(chain), .answers = chain.names};
  document.context = question(example) + prefix(example) + " " + join(example.names, " ") + "\n\n" + question(chain) +
                     document.answer_prefix;
  document.metric = "contains_all";
  document.max_tokens = 30;
  return document;
}

}  // namespace t6
