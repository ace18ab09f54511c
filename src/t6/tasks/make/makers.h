// The makers of documents, one file for each family; the table in task.cc names them.
#pragma once

#include <cstdint>
#include <string_view>

#include "t6/tasks/task.h"

namespace t6 {

// Long Range Arena's ListOps in the notation of its corrected tokenization: "[MAX 4 3 [SM 2 9 X X", without the
// parentheses, which say nothing, and with X for the closing bracket, which its tokenizer dropped.
TaskDocument draw_list_operations(const TaskSettings& settings, int64_t least, Random random);

// Pairs of a key and a digit; the last key is asked for.
TaskDocument make_recall(const TaskSettings& settings, int64_t index, Random random, int64_t size);

// "The pass key is N. Remember it." in noise, at settings.depth.
TaskDocument make_passkey(const TaskSettings& settings, int64_t index, Random random, int64_t size);

// RULER's needles in a haystack.
enum class Haystack { noise, text, needles };
enum class Secret { number, pair, uuid };
struct NeedleForm {
  Haystack haystack = Haystack::noise;
  Secret key = Secret::pair, value = Secret::number;
  int keys = 1, values = 1, queries = 1;
};
TaskDocument make_needles(const NeedleForm& form, const TaskSettings& settings, Random random, int64_t size);

// RULER's variable tracking: one chain of five assignments in noise.
TaskDocument make_variables(const TaskSettings& settings, int64_t index, Random random, int64_t size);

// RULER's common and frequent words.
TaskDocument make_common_words(const TaskSettings& settings, int64_t index, Random random, int64_t size);
TaskDocument make_frequent_words(const TaskSettings& settings, int64_t index, Random random, int64_t size);

// RULER's questions among other paragraphs of the same file.
TaskDocument make_question(const TaskSettings& settings, int64_t index, Random random, int64_t size);

}  // namespace t6
