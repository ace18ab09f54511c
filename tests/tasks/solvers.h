// Slow solvers of tasks: each reads a context as a reader would and finds the answer without knowing how it was made.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "t6/core/error.h"

namespace t6 {

inline std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

// What stands in `text` between `before` and the next `after`, once for each `before`.
inline std::vector<std::string> between(const std::string& text, const std::string& before, const std::string& after) {
  std::vector<std::string> found;
  for (size_t at = text.find(before); at != std::string::npos; at = text.find(before, at)) {
    at += before.size();
    found.push_back(text.substr(at, text.find(after, at) - at));
  }
  return found;
}

// Operations are looked at from the inside: the last one that begins before the first end has only digits.
inline std::string solve_list_operations(const std::string& context) {
  std::vector<std::string> symbols = words_of(context);
  while (symbols.size() > 1) {
    const auto end = std::find(symbols.begin(), symbols.end(), "X");
    auto begin = end;
    while ((*begin)[0] != '[') --begin;
    std::vector<int> digits;
    for (auto each = begin + 1; each != end; ++each) digits.push_back(std::stoi(*each));
    std::sort(digits.begin(), digits.end());
    int value = 0;
    if (*begin == "[MIN") value = digits.front();
    if (*begin == "[MAX") value = digits.back();
    const size_t n = digits.size();
    if (*begin == "[MED") value = (digits[(n - 1) / 2] + digits[n / 2]) / 2;
    if (*begin == "[SM") {
      for (const int digit : digits) value = (value + digit) % 10;
    }
    *begin = std::to_string(value);
    symbols.erase(begin + 1, end + 1);
  }
  return symbols.at(0);
}

inline std::string solve_recall(const std::string& context) {
  const std::vector<std::string> words = words_of(context);
  std::string value;
  for (size_t i = 0; i + 1 < words.size(); i += 2) {
    if (words[i] != words.back()) continue;
    require(value.empty(), "the key {} stands twice", words[i]);
    value = words[i + 1];
  }
  return value;
}

inline std::set<std::string> solve_needles(const std::string& context) {
  std::string asked = between(context, "? The special magic ", " mentioned").at(0);
  asked = asked.substr(asked.find(" for ") + 5);
  std::set<std::string> keys, values;
  for (std::string key : words_of(asked)) {
    if (key.ends_with(',')) key.pop_back();
    if (key != "and") keys.insert(key);
  }
  for (const std::string& needle : between(context, "One of the special magic ", ".")) {
    const std::string key = between(needle, " for ", " is: ").at(0);
    if (keys.contains(key)) values.insert(needle.substr(needle.find(" is: ") + 5));
  }
  return values;
}

// Assignments are followed again and again until no further name has the value.
inline std::set<std::string> solve_variables(const std::string& context) {
  const std::string text = context.substr(context.rfind("Memorize and track"));
  const std::string value = between(text, "assigned the value ", " in").at(0);
  std::set<std::string> names;
  for (size_t before = 1; before != names.size();) {
    before = names.size();
    for (const std::string& line : between("\n" + text, "\nVAR ", "\n")) {
      const std::vector<std::string> words = words_of(line);  // NAME = VALUE, NAME = VAR NAME
      if (words.back() == value || names.contains(words.back())) names.insert(words[0]);
    }
  }
  return names;
}

// The `count` words that stand most often.
inline std::set<std::string> most_frequent(const std::vector<std::string>& words, size_t count) {
  std::map<std::string, int> times;
  for (const std::string& word : words) ++times[word];
  std::vector<std::pair<int, std::string>> order;
  for (const auto& [word, n] : times) order.emplace_back(n, word);
  std::sort(order.rbegin(), order.rend());
  require(order.size() > count && order[count - 1].first > order[count].first, "the most frequent ones are not plain");
  std::set<std::string> most;
  for (size_t i = 0; i < count; ++i) most.insert(order[i].second);
  return most;
}

inline std::set<std::string> solve_common_words(const std::string& context) {
  const std::string list = context.substr(context.rfind("appear most often.\n") + 19);
  std::vector<std::string> words;
  for (const std::string& word : words_of(list.substr(0, list.find("\nQuestion")))) {
    if (word.find('.') == std::string::npos) words.push_back(word);
  }
  return most_frequent(words, 10);
}

inline std::set<std::string> solve_frequent_words(const std::string& context) {
  std::vector<std::string> words = words_of(between(context, "coded words. ", "\nQuestion").at(0));
  std::erase(words, "...");
  return most_frequent(words, 3);
}

}  // namespace t6
