// Filters for lists and whatever else can be passed over.
#include <algorithm>
#include <functional>
#include <iterator>

#include "t6/text/jinja/arithmetic.h"
#include "t6/text/jinja/attribute_path.h"
#include "t6/text/jinja/filter_call.h"
#include "t6/text/jinja/objects.h"
#include "t6/text/jinja/print.h"
#include "t6/text/jinja/unicode.h"

namespace t6::jinja {
namespace {

// Finds its items when the first is wanted, as Python's generators do.
class LateSource : public Source {
 public:
  explicit LateSource(std::function<std::vector<Value>()> find) : find_(std::move(find)) {}
  bool next(Value* item) override {
    if (find_) {
      items_ = find_();
      find_ = nullptr;
    }
    if (next_ == items_.size()) return false;
    *item = items_[next_++];
    return true;
  }

 private:
  std::function<std::vector<Value>()> find_;
  std::vector<Value> items_;
  size_t next_ = 0;
};

Value do_length(const FilterCall& call) {
  call.parameters({});
  return Value(length_of(call.value));
}

Value do_list(const FilterCall& call) {
  call.parameters({});
  return call.runtime->list(call.runtime->collect(call.value));
}

Value do_join(const FilterCall& call) {
  const Parameters parameters = call.parameters({"d", "attribute"});
  const std::string separator = parameters.find(0) == nullptr ? "" : str(parameters.at(0), call.runtime);
  const AttributePath path(parameters.given(1));
  std::string out;
  bool first = true;
  const std::unique_ptr<Source> source = call.runtime->iterate(call.value);
  for (Value item; source->next(&item); first = false) {
    if (!first) out += separator;
    out += str(path.of(item, call.runtime), call.runtime);
    call.runtime->check_text(out.size());
  }
  return call.runtime->text(std::move(out));
}

Value do_first(const FilterCall& call) {
  call.parameters({});
  Value item;
  if (call.runtime->iterate(call.value)->next(&item)) return item;
  return call.runtime->undefined("No first item, sequence was empty.");
}

bool is_reversible(const Value& value) {
  return value.text() != nullptr || value.list() != nullptr || value.dict() != nullptr || value.undefined() ||
         value.shared<Range>() != nullptr || value.shared<View>() != nullptr;
}

Value do_last(const FilterCall& call) {
  call.parameters({});
  require(is_reversible(call.value), "'{}' object is not reversible", type_name(call.value));
  const std::vector<Value> items = call.runtime->collect(call.value);
  return items.empty() ? call.runtime->undefined("No last item, sequence was empty.") : items.back();
}

Value do_reverse(const FilterCall& call) {
  call.parameters({});
  if (const Text* text = call.value.text()) {
    std::vector<char32_t> points = code_points(text->bytes);
    std::reverse(points.begin(), points.end());
    return call.runtime->text(to_utf8(points), text->markup);
  }
  std::vector<Value> items = call.runtime->collect(call.value);
  std::reverse(items.begin(), items.end());
  if (!is_reversible(call.value)) return call.runtime->list(std::move(items));
  return call.runtime->iterator<LateSource>("reversed", [items = std::move(items)] { return items; });
}

Value do_items(const FilterCall& call) {
  call.parameters({});
  return call.runtime->iterator<LateSource>(kGenerator, [value = call.value, runtime = call.runtime] {
    if (value.undefined()) return std::vector<Value>();
    const auto* dict = std::get_if<std::shared_ptr<const Dict>>(&value.data());
    require(dict != nullptr, "Can only get item pairs from a mapping.");
    return runtime->collect(Value(std::make_shared<const View>(View{View::Part::items, *dict})));
  });
}

std::vector<Value> batches(const Value& value, int64_t size, const Value& fill, Runtime* runtime) {
  std::vector<Value> lists;
  std::vector<Value> batch;
  const std::unique_ptr<Source> source = runtime->iterate(value);
  for (Value item; source->next(&item);) {
    if (static_cast<int64_t>(batch.size()) == size) lists.push_back(runtime->list(std::exchange(batch, {})));
    batch.push_back(std::move(item));
  }
  if (batch.empty()) return lists;
  while (!fill.is_none() && static_cast<int64_t>(batch.size()) < size) {
    runtime->charge(1);
    batch.push_back(fill);
  }
  lists.push_back(runtime->list(std::move(batch)));
  return lists;
}

Value do_batch(const FilterCall& call) {
  const Parameters parameters = call.parameters({"linecount", "fill_with"}, 1);
  const Value fill = parameters.find(1) == nullptr ? Value::none() : parameters.at(1);
  return call.runtime->iterator<LateSource>(
      kGenerator, [value = call.value, size = parameters.integer(0, 0), fill, runtime = call.runtime] {
        return batches(value, size, fill, runtime);
      });
}

std::vector<Value> slices(const Value& value, int64_t count, const Value& fill, Runtime* runtime) {
  const std::vector<Value> items = runtime->collect(value);
  require(count != 0, "integer division or modulo by zero");
  std::vector<Value> lists;
  const auto size = static_cast<int64_t>(items.size());
  auto begin = items.begin();
  for (int64_t i = 0; i < count; ++i) {
    const bool extra = i < size % count;
    const auto end = begin + (size / count + (extra ? 1 : 0));
    std::vector<Value> slice(begin, end);
    if (!fill.is_none() && !extra) slice.push_back(fill);
    lists.push_back(runtime->list(std::move(slice)));
    runtime->charge(1);
    begin = end;
  }
  return lists;
}

Value do_slice(const FilterCall& call) {
  const Parameters parameters = call.parameters({"slices", "fill_with"}, 1);
  const Value fill = parameters.find(1) == nullptr ? Value::none() : parameters.at(1);
  return call.runtime->iterator<LateSource>(
      kGenerator, [value = call.value, count = parameters.integer(0, 0), fill, runtime = call.runtime] {
        return slices(value, count, fill, runtime);
      });
}

Value do_sum(const FilterCall& call) {
  const Parameters parameters = call.parameters({"attribute", "start"});
  const AttributePath path(parameters.given(0));
  Value sum = parameters.find(1) == nullptr ? Value(int64_t{0}) : parameters.at(1);
  require(sum.text() == nullptr, "sum() can't sum strings");
  const std::unique_ptr<Source> source = call.runtime->iterate(call.value);
  for (Value item; source->next(&item);) {
    sum = apply(Operator::add, sum, path.of(item, call.runtime), call.runtime);
  }
  return sum;
}

constexpr NamedFilter kSequenceFilters[] = {{"length", do_length},   {"count", do_length}, {"list", do_list},
                                            {"join", do_join},       {"first", do_first},  {"last", do_last},
                                            {"reverse", do_reverse}, {"items", do_items},  {"batch", do_batch},
                                            {"slice", do_slice},     {"sum", do_sum}};

}  // namespace

int64_t length_of(const Value& value) {
  if (auto* loop = value.object<Loop>()) return loop->length();
  const int64_t length = known_length(value);
  require(length >= 0, "a '{}' has no length", type_name(value));
  return length;
}

FilterTable sequence_filters() { return {std::begin(kSequenceFilters), std::end(kSequenceFilters)}; }

}  // namespace t6::jinja
