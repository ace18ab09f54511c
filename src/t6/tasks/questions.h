// Questions about paragraphs, read from a file in the form of SQuAD 1.1 or 2.0.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace t6 {

struct Question {
  std::string text;
  std::vector<std::string> answers;  // each of them is right
  size_t paragraph = 0;              // the one that holds the answer
};

struct QuestionSet {
  std::vector<std::string> paragraphs;  // each once, in the order of the file
  std::vector<size_t> article;          // of each paragraph
  std::vector<Question> questions;      // those that can be answered
};

// Errors: not such a file (the place is named), no question that can be answered.
QuestionSet read_questions(const std::filesystem::path& path);

}  // namespace t6
