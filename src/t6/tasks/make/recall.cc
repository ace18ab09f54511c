// Associative recall: which digit stood beside a key.
#include <set>

#include "t6/core/error.h"
#include "t6/tasks/make/makers.h"
#include "t6/tasks/make/vocabulary.h"

namespace t6 {
namespace {

// Three quarters of all keys, so that new ones are soon found.
int64_t most_pairs(int64_t letters) {
  int64_t keys = 1;
  for (int64_t i = 0; i < letters; ++i) keys *= 26;
  return keys * 3 / 4;
}

}  // namespace

TaskDocument make_recall(const TaskSettings& settings, int64_t, Random random, int64_t size) {
  std::set<std::string> keys;
  std::vector<std::pair<std::string, std::string>> pairs;
  const int64_t letters = settings.key_letters.value_or(4), most = most_pairs(letters);
  require(size + 2 <= most, "recall: the context is too long, there are {} keys", most);
  while (static_cast<int64_t>(pairs.size()) < size + 2) {
    std::string key = random_letters(random, 'a', static_cast<int>(letters));
    if (!keys.insert(key).second) continue;
    pairs.emplace_back(std::move(key), std::to_string(random.below(10)));
  }
  // By another stream than the pairs, so that a longer document begins as a shorter one does.
  Random choice(random.next());
  const auto& [key, value] = pairs[choice.below(pairs.size())];
  TaskDocument document;
  for (const auto& [each, digit] : pairs) document.context += each + " " + digit + "\n";
  document.context += key;
  document.answers = {value};
  for (int digit = 0; digit < 10; ++digit) document.choices.push_back(std::to_string(digit));
  document.metric = "first_word";
  document.max_tokens = 4;
  return document;
}

}  // namespace t6
