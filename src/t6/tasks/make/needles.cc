// Needles in a haystack, in the words of RULER, and the pass key.
#include <array>

#include "t6/core/error.h"
#include "t6/tasks/make/haystack.h"
#include "t6/tasks/make/makers.h"
#include "t6/tasks/make/vocabulary.h"

namespace t6 {
namespace {

std::string_view plural(Secret kind) {
  constexpr std::array<std::string_view, 3> kNames = {"numbers", "words", "uuids"};
  return kNames[static_cast<size_t>(kind)];
}

std::string needle(Secret value_kind, const std::string& key, const std::string& value) {
  return fmt::format("One of the special magic {} for {} is: {}.", plural(value_kind), key, value);
}

struct Needles {
  std::vector<std::string> keys;
  std::vector<std::vector<std::string>> values;  // of each key
  std::vector<std::string> lines;
};

Needles draw_needles(const NeedleForm& form, DistinctSecrets& keys, DistinctSecrets& values, Random& random) {
  Needles drawn;
  for (int i = 0; i < form.keys; ++i) {
    drawn.keys.push_back(keys.next(random));
    drawn.values.emplace_back();
    for (int j = 0; j < form.values; ++j) {
      drawn.values.back().push_back(values.next(random));
      drawn.lines.push_back(needle(form.value, drawn.keys.back(), drawn.values.back().back()));
    }
  }
  shuffle(drawn.lines, random);
  return drawn;
}

std::vector<std::string> haystack(const NeedleForm& form, const TaskSettings& settings, int64_t size,
                                  DistinctSecrets& keys, DistinctSecrets& values, Random& random) {
  if (form.haystack == Haystack::noise) return noise_lines(size);
  if (form.haystack == Haystack::text) return text_sentences(settings.haystack, size);
  std::vector<std::string> lines;
  for (int64_t i = 0; i < size; ++i) lines.push_back(needle(form.value, keys.next(random), values.next(random)));
  return lines;
}

// "a", "a, and b", "a, b, and c".
std::string enumeration(const std::vector<std::string>& list) {
  if (list.size() == 1) return list[0];
  return join({list.begin(), list.end() - 1}, ", ") + ", and " + list.back();
}

}  // namespace

TaskDocument make_needles(const NeedleForm& form, const TaskSettings& settings, Random random, int64_t size) {
  DistinctSecrets keys(form.key), values(form.value);
  const Needles needles = draw_needles(form, keys, values, random);
  Random places(random.next());
  std::vector<std::string> pieces = haystack(form, settings, size, keys, values, random);
  hide(pieces, needles.lines, settings.depth, places);

  std::vector<size_t> order;
  for (size_t i = 0; i < needles.keys.size(); ++i) order.push_back(i);
  shuffle(order, places);
  std::vector<std::string> asked;
  TaskDocument document;
  for (size_t i = 0; i < static_cast<size_t>(form.queries); ++i) {
    asked.push_back(needles.keys[order[i]]);
    const auto& right = needles.values[order[i]];
    document.answers.insert(document.answers.end(), right.begin(), right.end());
  }
  const bool single = document.answers.size() == 1;
  const std::string_view many = plural(form.value), what = single ? many.substr(0, many.size() - 1) : many;
  const std::string query = enumeration(asked), is = single ? "is" : "are";
  document.answer_prefix =
      fmt::format("The special magic {} for {} mentioned in the provided text {}", what, query, is);
  document.context = fmt::format(
      "{} special magic {} {} hidden within the following text. Make sure to memorize it. I will quiz you about the {} "
      "afterwards.\n{}\nWhat {} the special magic {} for {} mentioned in the provided text? {}",
      single ? "A" : "Some", what, is, what, join(pieces, form.haystack == Haystack::text ? " " : "\n"),
      single ? "is" : "are all", what, query, document.answer_prefix);
  document.metric = "contains_all";
  document.max_tokens = 128;
  return document;
}

TaskDocument make_passkey(const TaskSettings& settings, int64_t, Random random, int64_t size) {
  const std::string key = random_digits(random, 5);
  std::vector<std::string> lines = noise_lines(size);
  hide(lines, {fmt::format("The pass key is {}. Remember it. {} is the pass key.", key, key)}, settings.depth, random);
  TaskDocument document{.context = {}, .answer_prefix = "The pass key is", .answers = {key}};
  document.context = fmt::format(
      "There is an important info hidden inside a lot of irrelevant text. Find it and memorize it. I will quiz you "
      "about "
      "the important information there.\n{}\nWhat is the pass key? {}",
      join(lines, "\n"), document.answer_prefix);
  document.metric = "contains_all";
  document.max_tokens = 16;
  return document;
}

}  // namespace t6
