#include "t6/text/jinja/runtime.h"

#include <algorithm>

#include "t6/text/jinja/unicode.h"

namespace t6::jinja {
namespace {

// Of lists and dicts inside each other; whoever walks through values recurses this deep.
constexpr int kMostValueDepth = 200;
constexpr size_t kBytesPerStep = 64;
constexpr int64_t kStepsPerText = 2;

class ListSource : public Source {
 public:
  explicit ListSource(Value list) : list_(std::move(list)) {}
  bool next(Value* item) override {
    const std::vector<Value>& items = list_.list()->items;
    if (next_ == items.size()) return false;
    *item = items[next_++];
    return true;
  }

 private:
  Value list_;
  size_t next_ = 0;
};

class TextSource : public Source {
 public:
  TextSource(Value text, Runtime* runtime) : text_(std::move(text)), runtime_(runtime) {}
  bool next(Value* item) override {
    const Text& text = *text_.text();
    if (at_ == text.bytes.size()) return false;
    const size_t begin = at_;
    next_code_point(text.bytes, &at_);
    *item = runtime_->text(text.bytes.substr(begin, at_ - begin));
    return true;
  }

 private:
  Value text_;
  Runtime* runtime_;
  size_t at_ = 0;
};

class RangeSource : public Source {
 public:
  explicit RangeSource(const Range& range) : range_(range), size_(range.size()) {}
  bool next(Value* item) override {
    if (next_ == size_) return false;
    *item = Value(range_.at(next_++));
    return true;
  }

 private:
  Range range_;
  int64_t size_;
  int64_t next_ = 0;
};

class DictSource : public Source {
 public:
  DictSource(std::shared_ptr<const Dict> dict, View::Part part, Runtime* runtime)
      : dict_(std::move(dict)), part_(part), runtime_(runtime) {}
  bool next(Value* item) override {
    if (next_ == dict_->items.size()) return false;
    const auto& [key, value] = dict_->items[next_++];
    *item = part_ == View::Part::keys ? key : part_ == View::Part::values ? value : runtime_->tuple({key, value});
    return true;
  }

 private:
  std::shared_ptr<const Dict> dict_;
  View::Part part_;
  Runtime* runtime_;
  size_t next_ = 0;
};

// The source of an Iterator, which others may be passing over too.
class SharedSource : public Source {
 public:
  SharedSource(Iterator* iterator, Runtime* runtime) : iterator_(iterator), runtime_(runtime) {}
  bool next(Value* item) override {
    const Runtime::Level level(runtime_);
    return iterator_->source().next(item);
  }

 private:
  Iterator* iterator_;
  Runtime* runtime_;
};

class EmptySource : public Source {
 public:
  bool next(Value*) override { return false; }
};

// Counts the items.
class ChargedSource : public Source {
 public:
  ChargedSource(std::unique_ptr<Source> source, Runtime* runtime) : source_(std::move(source)), runtime_(runtime) {}
  bool next(Value* item) override {
    runtime_->charge(1);
    return source_->next(item);
  }

 private:
  std::unique_ptr<Source> source_;
  Runtime* runtime_;
};

std::unique_ptr<Source> uncharged(const Value& value, Runtime* runtime) {
  if (value.list() != nullptr) return std::make_unique<ListSource>(value);
  if (value.text() != nullptr) return std::make_unique<TextSource>(value, runtime);
  if (const auto* range = value.shared<Range>()) return std::make_unique<RangeSource>(*range);
  if (const auto* dict = std::get_if<std::shared_ptr<const Dict>>(&value.data())) {
    return std::make_unique<DictSource>(*dict, View::Part::keys, runtime);
  }
  if (const auto* view = value.shared<View>()) return std::make_unique<DictSource>(view->dict, view->part, runtime);
  if (value.undefined()) return std::make_unique<EmptySource>();
  auto* iterator = value.object<Iterator>();
  require(iterator != nullptr, "'{}' object is not iterable", type_name(value));
  return std::make_unique<SharedSource>(iterator, runtime);
}

}  // namespace

void Runtime::charge(int64_t steps) {
  used_ = std::min(used_ + steps, kMostWeight);
  require(used_ <= limits_.steps, "the template takes more than {} steps", limits_.steps);
}

void Runtime::check_text(size_t bytes) const {
  require(bytes <= static_cast<size_t>(limits_.text_bytes), "the template makes a text of more than {} bytes",
          limits_.text_bytes);
}

void Runtime::charge_text(size_t bytes) {
  check_text(bytes);
  charge(kStepsPerText + static_cast<int64_t>(bytes / kBytesPerStep));
}

void Runtime::check_product(int64_t size, int64_t count) const {
  if (size > 0 && count > 0 && size > limits_.text_bytes / count) check_text(SIZE_MAX);
}

void Runtime::enter() {
  ++depth_;
  if (depth_ <= limits_.depth) return;
  --depth_;
  fail("the template nests deeper than {} levels", limits_.depth);
}

Value Runtime::text(std::string bytes, bool markup) {
  charge_text(bytes.size());
  return make_text(std::move(bytes), markup);
}

Value Runtime::list(std::vector<Value> items, List::Type type) {
  List list{std::move(items), type};
  charge(static_cast<int64_t>(list.items.size()));
  for (const Value& item : list.items) {
    list.depth = std::max(list.depth, 1 + depth_of(item));
    list.weight = std::min(list.weight + weight_of(item), kMostWeight);
  }
  require(list.depth <= kMostValueDepth, "lists nested deeper than {} levels", kMostValueDepth);
  return Value(std::make_shared<const List>(std::move(list)));
}

Value Runtime::dict(Dict items) {
  require(items.depth <= kMostValueDepth, "dicts nested deeper than {} levels", kMostValueDepth);
  return Value(std::make_shared<const Dict>(std::move(items)));
}

void Runtime::set(Dict* dict, Value key, Value value) {
  charge(weight_of(key));
  dict->set(std::move(key), std::move(value));
}

Value Runtime::undefined(std::string message) {
  charge_text(message.size());
  return Value(std::make_shared<const Undefined>(Undefined{std::move(message)}));
}

std::unique_ptr<Source> Runtime::iterate(const Value& value) {
  return std::make_unique<ChargedSource>(uncharged(value, this), this);
}

std::vector<Value> Runtime::collect(const Value& value) {
  if (value.list() != nullptr) {
    charge(static_cast<int64_t>(value.list()->items.size()));
    return value.list()->items;
  }
  std::vector<Value> items;
  const std::unique_ptr<Source> source = iterate(value);
  for (Value item; source->next(&item);) items.push_back(std::move(item));
  return items;
}

}  // namespace t6::jinja
