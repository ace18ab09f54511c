#include "t6/text/jinja/objects.h"

#include <algorithm>

namespace t6::jinja {

bool Loop::peek() {
  if (!ahead_.empty()) return true;
  if (ended_) return false;
  Value item;
  if (source_->next(&item)) {
    ahead_.push_back(std::move(item));
  } else {
    ended_ = true;
  }
  return !ended_;
}

bool Loop::next(Value* item) {
  if (!peek()) return false;
  ++index_;
  previous_ = std::move(current_);
  current_ = std::move(ahead_.back());
  ahead_.pop_back();
  *item = current_;
  return true;
}

int64_t Loop::length() {
  if (length_ >= 0) return length_;
  std::reverse(ahead_.begin(), ahead_.end());
  for (Value item; !ended_ && source_->next(&item);) ahead_.push_back(std::move(item));
  ended_ = true;
  std::reverse(ahead_.begin(), ahead_.end());
  length_ = index_ + 1 + static_cast<int64_t>(ahead_.size());
  return length_;
}

bool Loop::last() { return !peek(); }

Value Loop::previous(Runtime* runtime) const {
  return previous_.missing() ? runtime->undefined("there is no previous item") : previous_;
}

Value Loop::following(Runtime* runtime) { return peek() ? ahead_.back() : runtime->undefined("there is no next item"); }

bool Loop::changed(Value values) {
  if (!changed_.missing() && equal(changed_, values)) return false;
  changed_ = std::move(values);
  return true;
}

}  // namespace t6::jinja
