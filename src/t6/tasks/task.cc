#include "t6/tasks/task.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "t6/core/error.h"
#include "t6/tasks/make/makers.h"

namespace t6 {
namespace {

constexpr int64_t kLongest = int64_t{16} << 20;  // words or tokens; what is longer is a mistake
constexpr int64_t kMostKeyLetters = 4;
// A document of this share of the length asked for is good.
constexpr double kFull = 0.98;

template <Haystack haystack, Secret key, Secret value, int keys = 1, int values = 1, int queries = 1>
TaskDocument hidden(const TaskSettings& settings, int64_t, Random random, int64_t size) {
  return make_needles({haystack, key, value, keys, values, queries}, settings, random, size);
}

constexpr int64_t kDefaultLength = 1024;
using enum Haystack;
using enum Secret;
constexpr auto kKinds = std::to_array<TaskKind>({
    {.name = "listops",
     .words = "nested MIN, MAX, MED and SM (sum modulo 10) of digits, as in Long Range Arena",
     .default_length = 1999,
     .draw = draw_list_operations,
     .default_least = 501},
    {.name = "recall",
     .words = "associative recall: the digit that stood beside a key",
     .default_length = kDefaultLength,
     .takes_key_letters = true,
     .make = make_recall},
    {.name = "passkey",
     .words = "a pass key hidden in noise",
     .default_length = kDefaultLength,
     .takes_depth = true,
     .make = make_passkey},
    {.name = "niah_single_1",
     .words = "RULER: a number hidden in noise",
     .default_length = kDefaultLength,
     .takes_depth = true,
     .make = hidden<noise, pair, number>},
    {.name = "niah_single_2",
     .words = "RULER: a number hidden in a text",
     .default_length = kDefaultLength,
     .takes_haystack = true,
     .takes_depth = true,
     .make = hidden<text, pair, number>},
    {.name = "niah_single_3",
     .words = "RULER: a UUID hidden in a text",
     .default_length = kDefaultLength,
     .takes_haystack = true,
     .takes_depth = true,
     .make = hidden<text, pair, uuid>},
    {.name = "niah_multikey_1",
     .words = "RULER: one of four numbers hidden in a text",
     .default_length = kDefaultLength,
     .takes_haystack = true,
     .make = hidden<text, pair, number, 4>},
    {.name = "niah_multikey_2",
     .words = "RULER: one number among nothing but others",
     .default_length = kDefaultLength,
     .takes_depth = true,
     .make = hidden<needles, pair, number>},
    {.name = "niah_multikey_3",
     .words = "RULER: one UUID among nothing but others",
     .default_length = kDefaultLength,
     .takes_depth = true,
     .make = hidden<needles, uuid, uuid>},
    {.name = "niah_multivalue",
     .words = "RULER: all four numbers of a key hidden in a text",
     .default_length = kDefaultLength,
     .takes_haystack = true,
     .make = hidden<text, pair, number, 1, 4>},
    {.name = "niah_multiquery",
     .words = "RULER: the numbers of four keys hidden in a text",
     .default_length = kDefaultLength,
     .takes_haystack = true,
     .make = hidden<text, pair, number, 4, 1, 4>},
    {.name = "vt",
     .words = "RULER: variable tracking, the five names that have a value",
     .default_length = kDefaultLength,
     .make = make_variables},
    {.name = "cwe",
     .words = "RULER: common words extraction, the ten that stand most often in a list",
     .default_length = kDefaultLength,
     .make = make_common_words},
    {.name = "fwe",
     .words = "RULER: frequent words extraction, the three most frequent of a Zeta distribution",
     .default_length = kDefaultLength,
     .make = make_frequent_words},
    {.name = "qa",
     .words = "RULER: a question about one of many paragraphs",
     .default_length = kDefaultLength,
     .takes_questions = true,
     .make = make_question},
});

void check(const TaskKind& kind, const TaskSettings& settings, int64_t index) {
  require(index >= 0, "a document's number is 0 or more, not {}", index);
  require(settings.length >= 1 && settings.length <= kLongest, "{}: lengths are from 1 to {}, not {}", kind.name,
          kLongest, settings.length);
  require(settings.haystack.empty() || kind.takes_haystack, "{} hides nothing in a text of yours", kind.name);
  require(!settings.questions || kind.takes_questions, "{} asks no questions from a file", kind.name);
  require(settings.questions || !kind.takes_questions,
          "{} needs a file with questions and paragraphs, in the form of SQuAD", kind.name);
  require(!settings.depth || kind.takes_depth, "{} hides no single needle at a depth", kind.name);
  require(!settings.depth || (*settings.depth >= 0 && *settings.depth <= 100),
          "{}: a depth is from 0 to 100 per cent, not {}", kind.name, settings.depth.value_or(0));
  require(!settings.key_letters || kind.takes_key_letters, "{} has no keys whose letters could be chosen", kind.name);
  require(settings.key_letters.value_or(1) >= 1 && settings.key_letters.value_or(4) <= kMostKeyLetters,
          "{}: keys have 1 to {} letters, not {}", kind.name, kMostKeyLetters, settings.key_letters.value_or(0));
}

// A document that was tried.
struct Trial {
  int64_t size = 0;
  TaskDocument document;
};

// The size to try next: a little less than what would fill the length if a unit was as long as so far.
int64_t next_size(const Trial& least, const Trial& last, int64_t length) {
  const double unit = last.size > least.size ? static_cast<double>(last.document.length - least.document.length) /
                                                   static_cast<double>(last.size - least.size)
                                             : 8;
  const double missing = (1 + kFull) / 2 * static_cast<double>(length) - static_cast<double>(least.document.length);
  return least.size + std::max<int64_t>(1, std::llround(std::floor(missing / std::max(unit, 1e-3))));
}

TaskDocument fill(const TaskKind& kind, const TaskSettings& settings, int64_t index, Random random) {
  const auto attempt = [&](int64_t size) {
    Trial trial{size, kind.make(settings, index, random, size)};
    trial.document.length =
        settings.count ? settings.count(trial.document.context) : count_words(trial.document.context);
    return trial;
  };
  const Trial least = attempt(0);
  require(least.document.length <= settings.length, "{}: a length of {} is too short, the least is {}", kind.name,
          settings.length, least.document.length);
  Trial fits = least, last = least;
  for (int64_t above = INT64_MAX; above - fits.size > 1;) {
    if (static_cast<double>(fits.document.length) >= kFull * static_cast<double>(settings.length)) break;
    int64_t size = next_size(least, last, settings.length);
    // Where the guess leads nowhere new, halves; without an upper end, the next one.
    if (size <= fits.size || size >= above) size = above == INT64_MAX ? fits.size + 1 : std::midpoint(fits.size, above);
    last = attempt(size);
    if (last.document.length > settings.length) {
      above = size;
      continue;
    }
    require(last.document.length > fits.document.length, "{}: there is not enough to fill a length of {}, only {}",
            kind.name, settings.length, fits.document.length);
    fits = last;
  }
  return fits.document;
}

}  // namespace

std::span<const TaskKind> task_kinds() { return kKinds; }

const TaskKind& task_kind(std::string_view name) {
  std::string names;
  for (const TaskKind& kind : kKinds) {
    if (kind.name == name) return kind;
    names += fmt::format("{}{}", names.empty() ? "" : ", ", kind.name);
  }
  fail("there is no task called \"{}\"; there are {}", name, names);
}

TaskDocument make_task(const TaskKind& kind, const TaskSettings& settings, int64_t index) {
  TaskSettings chosen = settings;
  if (chosen.length == 0) chosen.length = kind.default_length;
  check(kind, chosen, index);
  // The name is part of the stream, so that kinds of the same seed share nothing.
  uint64_t stream = static_cast<uint64_t>(index);
  for (const char c : kind.name) stream = mix64(stream ^ static_cast<unsigned char>(c));
  const Random random(chosen.seed, stream);
  if (!kind.draw) return fill(kind, chosen, index, random);
  const bool asked = settings.length > 0 || kind.default_least == 0;
  return kind.draw(chosen, asked ? chosen.length - chosen.length / 20 : kind.default_least, random);
}

int64_t count_words(std::string_view text) {
  int64_t words = 0;
  bool within = false;
  for (const char c : text) {
    const bool space = c == ' ' || (c >= '\t' && c <= '\r');
    words += !space && !within;
    within = !space;
  }
  return words;
}

}  // namespace t6
