// A conversation's request under way: its answers, taken apart as they come.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "t6/serve/api/answer_reader.h"
#include "t6/serve/api/task.h"
#include "t6/serve/api/usage.h"

namespace t6 {

// All its sequences read the same prompt.
class AnswerTask : public Task {
 protected:
  AnswerTask(const Service& service, std::shared_ptr<Exchange> exchange, bool streams, const AnswerForm& form,
             int64_t answers)
      : Task(service, std::move(exchange), streams) {
    for (int64_t i = 0; i < answers; ++i) answers_.emplace_back(form);
  }

  // What an answer has got since the last time; `piece` is what it was read from.
  virtual void take_parts(size_t index, const std::vector<AnswerPart>& parts, const Piece& piece) = 0;

  size_t answers() const { return answers_.size(); }
  // OpenAI's word for how an answer has ended; empty: it has not.
  std::string_view reason(size_t index) const;
  Usage usage() const;

 private:
  struct Answer {
    explicit Answer(const AnswerForm& form) : reader(form) {}

    AnswerReader reader;
    int64_t tokens = 0, reasoning_tokens = 0;
    bool begun = false;
    std::string_view reason = {};
  };

  void take(size_t index, const Piece& piece) final;

  std::vector<Answer> answers_;
  int64_t cached_ = 0;
};

}  // namespace t6
