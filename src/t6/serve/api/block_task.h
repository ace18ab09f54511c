// An answer as a list of blocks: what is thought, what is said, each call of a tool. Those of text are open while they
// grow, one at a time.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "t6/serve/api/answer_task.h"

namespace t6 {

// The form of one API says what happens to a block; this says when. One answer a request.
class BlockTask : public AnswerTask {
 protected:
  using Kind = AnswerPart::Kind;

  BlockTask(const Service& service, std::shared_ptr<Exchange> exchange, bool streams, const AnswerForm& form)
      : AnswerTask(service, std::move(exchange), streams, form, 1) {}

  virtual void begun() = 0;                          // once, before anything else
  virtual void opened() = 0;                         // open_kind() is; text() is empty
  virtual void grown(const std::string& added) = 0;  // of the open block; text() does not have it yet
  virtual void closing() = 0;                        // open_kind() still is
  virtual void called(const AnswerPart& call) = 0;   // nothing is open
  virtual void ended(const JobEnd& end) = 0;         // all that came is closed

  void open(Kind kind) {
    kind_ = kind;
    text_.clear();
    opened();
  }
  void close() {
    if (kind_) closing();
    kind_.reset();
  }
  Kind open_kind() const { return *kind_; }
  const std::string& text() const { return text_; }

 private:
  void take_parts(size_t, const std::vector<AnswerPart>& parts, const Piece& piece) final {
    if (!std::exchange(begun_, true)) begun();
    for (const AnswerPart& part : parts) {
      if (kind_ != part.kind) close();
      if (part.kind == Kind::call) {
        called(part);
        continue;
      }
      if (!kind_) open(part.kind);
      grown(part.text);
      text_ += part.text;
    }
    if (!piece.end) return;
    close();
    ended(*piece.end);
  }

  std::optional<Kind> kind_;
  std::string text_;
  bool begun_ = false;
};

}  // namespace t6
