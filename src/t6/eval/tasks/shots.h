// Solved documents that stand before a document, chosen as lm-evaluation-harness chooses them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "t6/eval/tasks/formats.h"
#include "t6/eval/tasks/python_random.h"

namespace t6 {

enum class ShotChoice {
  drawn,           // at random
  without_itself,  // at random, one more, so that the document itself can be left out
  first            // the first of the same group
};

class Shots {
 public:
  // The pool outlives this.
  Shots(const std::vector<TaskLine>& pool, ShotChoice choice, int64_t count);

  // The text before the next document, which is asked for in the documents' order. Error: the pool has too few;
  // `source` begins the message.
  std::string before(const TaskLine& line, const std::string& source);

 private:
  std::vector<size_t> choose(const TaskLine& line, const std::string& source);
  std::vector<size_t> draw_without(const std::string& key, const std::string& source);

  const std::vector<TaskLine>& pool_;
  ShotChoice choice_;
  size_t count_;
  PythonRandom random_;
};

}  // namespace t6
