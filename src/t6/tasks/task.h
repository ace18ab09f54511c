// Tasks for long contexts whose answers are known by construction: made from a seed, the same on every machine.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "t6/core/random.h"
#include "t6/tasks/questions.h"

namespace t6 {

struct TaskDocument {
  std::string context;        // all that a model reads, up to where the answer begins
  std::string answer_prefix;  // the end of `context` that is the beginning of the answer: no part of a user's message
  std::vector<std::string> choices = {};  // what may be answered; empty: any text
  std::vector<std::string> answers = {};  // the right texts; `metric` says whether one or all of them are wanted
  std::string metric = {};                // how an answer is scored, a name of eval/answer_metrics.h
  int64_t max_tokens = 0;                 // that an answer needs at most
  int64_t length = 0;                     // of `context`, as TaskSettings::count counts
};

struct TaskSettings {
  int64_t length = 0;  // of a context at most; 0: the kind's own
  uint64_t seed = 0;
  std::function<int64_t(std::string_view)> count = nullptr;  // what a text's length is; null: words between white space
  std::string haystack = {};                                 // text in which needles are hidden; empty: RULER's noise
  std::shared_ptr<const QuestionSet> questions = nullptr;    // for kinds that ask questions from a file
  std::optional<int64_t> depth = std::nullopt;               // of a single needle, in per cent; none: at random
  std::optional<int64_t> key_letters = std::nullopt;         // of recall's keys, 1 to 4; none: 4
};

struct TaskKind {
  std::string_view name;
  std::string_view words;  // what is asked, for people
  int64_t default_length;  // in words
  bool takes_haystack = false, takes_questions = false, takes_depth = false, takes_key_letters = false;
  // A document with `size` units of filling (sentences, words, pairs), the least being 0. What is drawn does not depend
  // on the size as far as that is possible, and the length grows with it.
  TaskDocument (*make)(const TaskSettings& settings, int64_t index, Random random, int64_t size) = nullptr;
  // For kinds whose length cannot be chosen: draws until it is from `least` to settings.length. Null: `make` is called
  // with the size that fits.
  TaskDocument (*draw)(const TaskSettings& settings, int64_t least, Random random) = nullptr;
  int64_t default_least = 0;  // for draw, where no length is asked for
};

std::span<const TaskKind> task_kinds();
// Error: no such kind; the message names all.
const TaskKind& task_kind(std::string_view name);

// The document number `index` of a kind, which depends on the settings and `index` alone. Its length is at most
// settings.length and, where that is 2,000 or more, at least 95 % of it. Errors: settings that the kind does not take,
// or without which it cannot be; a length that is too short or too long for it; too few questions or words.
TaskDocument make_task(const TaskKind& kind, const TaskSettings& settings, int64_t index);

// Words between white space of ASCII: how lengths are counted without a tokenizer.
int64_t count_words(std::string_view text);

}  // namespace t6
