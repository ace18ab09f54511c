// Files of documents that a model answers: our own lines, and LongBench's as they are published.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "t6/eval/answers.h"

namespace t6 {

// A JSON object a line, as 't6 task' writes them: "context", and "answer" (a text, or a list of texts, or with
// "choices" the index of the right one) or "answers" (a list, which comes first). May have "metric" (contains_any by
// itself), "max_tokens" (64), "stop" (a list of texts), "answer_prefix" (the end of "context" that an answer begins
// with), "task" (the group; by itself the file's name). Other keys are free. The first `limit` documents; 0: all.
// Errors, with file and line: not such a line, no documents.
std::vector<AnswerDocument> read_answer_file(const std::filesystem::path& path, int64_t limit);

// How a data set of LongBench is asked.
struct LongBenchPrompt {
  std::string prompt;  // "{context}", "{input}", ... stand for a document's fields
  int64_t max_tokens = 0;
  std::string metric;
  bool ends_with_line = false, first_line = false, plain = false;
};
using LongBenchPrompts = std::map<std::string, LongBenchPrompt>;  // by data set; "longbench_v2" for that

// Those that the authors published, and in their place those of `file`, where that is not empty: a JSON object with one
// object a data set, whose keys are the fields above. Errors: not such a file.
LongBenchPrompts longbench_prompts(const std::filesystem::path& file = {});

// A file of LongBench (v1, also its E sets, a JSON object a line) or of LongBench v2 (the same, or a list). Groups are
// the data set, for E also the length, for v2 also difficulty and length. The first `limit` documents; 0: all. Errors,
// with file and line: a field is missing, a data set without a prompt, one whose metric T6 has not, a prompt that names
// a field that is not there.
std::vector<AnswerDocument> read_longbench(const std::filesystem::path& path, const LongBenchPrompts& prompts,
                                           int64_t limit);

// Gives the documents whose metric compares Chinese words what cuts texts into them, read once from `folder`
// (chinese_words.h); nothing is read where there are none. Errors: a metric that there is not, and what is wrong with
// the folder, after the name of the first such document.
void add_chinese_words(std::vector<AnswerDocument>& documents, const std::filesystem::path& folder);

}  // namespace t6
