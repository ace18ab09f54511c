// Filters that compare items.
#include <algorithm>
#include <iterator>

#include "t6/text/jinja/attribute_path.h"
#include "t6/text/jinja/filter_call.h"

namespace t6::jinja {
namespace {

struct Keyed {
  std::vector<Value> keys;
  Value item;
};

class Order {
 public:
  // lists: keys are compared as lists are, by the first that differ; there is one otherwise.
  Order(bool lists, Runtime* runtime) : lists_(lists), runtime_(*runtime) {}
  bool operator()(const Keyed& a, const Keyed& b) const {
    for (size_t i = 0; i < a.keys.size(); ++i) {
      runtime_.charge(std::min(weight_of(a.keys[i]), weight_of(b.keys[i])));
      if (!lists_ || !equal(a.keys[i], b.keys[i])) return less(a.keys[i], b.keys[i]);
    }
    return false;
  }

 private:
  bool lists_;
  Runtime& runtime_;
};

void sort(std::vector<Keyed>* items, const Order& order, bool reverse) {
  if (reverse) {
    std::stable_sort(items->begin(), items->end(), [&](const Keyed& a, const Keyed& b) { return order(b, a); });
  } else {
    std::stable_sort(items->begin(), items->end(), order);
  }
}

Value key_of(const Value& item, const AttributePath& path, bool case_sensitive, Runtime* runtime,
             const Value* fallback = nullptr) {
  const Value key = path.of(item, runtime, fallback);
  return case_sensitive ? key : ignore_case(key, runtime);
}

Value items_of(std::vector<Keyed> sorted, Runtime* runtime) {
  std::vector<Value> items;
  for (Keyed& keyed : sorted) items.push_back(std::move(keyed.item));
  return runtime->list(std::move(items));
}

Value do_sort(const FilterCall& call) {
  const Parameters parameters = call.parameters({"reverse", "case_sensitive", "attribute"});
  const std::vector<AttributePath> paths = AttributePath::several(parameters.given(2));
  std::vector<Keyed> items;
  for (const Value& item : call.runtime->collect(call.value)) {
    Keyed keyed{{}, item};
    for (const AttributePath& path : paths) {
      keyed.keys.push_back(key_of(item, path, parameters.boolean(1, false), call.runtime));
    }
    items.push_back(std::move(keyed));
  }
  sort(&items, Order(true, call.runtime), parameters.boolean(0, false));
  return items_of(std::move(items), call.runtime);
}

Value do_dictsort(const FilterCall& call) {
  const Parameters parameters = call.parameters({"case_sensitive", "by", "reverse"});
  const std::string by = parameters.text(1, "key");
  require(by == "key" || by == "value", "You can only sort by either \"key\" or \"value\"");
  require(call.value.dict() != nullptr, "dictsort needs a dict, not a '{}'", type_name(call.value));
  std::vector<Keyed> items;
  for (const auto& [key, value] : call.value.dict()->items) {
    const Value& chosen = by == "key" ? key : value;
    items.push_back({{parameters.boolean(0, false) ? chosen : ignore_case(chosen, call.runtime)},
                     call.runtime->tuple({key, value})});
  }
  sort(&items, Order(false, call.runtime), parameters.boolean(2, false));
  return items_of(std::move(items), call.runtime);
}

Value do_extreme(const FilterCall& call) {
  const Parameters parameters = call.parameters({"case_sensitive", "attribute"});
  const AttributePath path(parameters.given(1));
  const bool smallest = call.name == "min";
  const Order order(false, call.runtime);
  Keyed best;
  const std::unique_ptr<Source> source = call.runtime->iterate(call.value);
  for (Value item; source->next(&item);) {
    Keyed next{{key_of(item, path, parameters.boolean(0, false), call.runtime)}, item};
    if (best.keys.empty() || (smallest ? order(next, best) : order(best, next))) best = std::move(next);
  }
  return best.keys.empty() ? call.runtime->undefined("No aggregated item, sequence was empty.") : best.item;
}

Value do_groupby(const FilterCall& call) {
  const Parameters parameters = call.parameters({"attribute", "default", "case_sensitive"}, 1);
  const AttributePath path(parameters.find(0));
  const Value* fallback = parameters.given(1);
  const bool case_sensitive = parameters.boolean(2, false);
  std::vector<Keyed> items;
  for (const Value& item : call.runtime->collect(call.value)) {
    items.push_back({{key_of(item, path, case_sensitive, call.runtime, fallback)}, item});
  }
  sort(&items, Order(false, call.runtime), false);
  std::vector<Value> groups;
  for (size_t begin = 0; begin < items.size();) {
    std::vector<Value> group;
    size_t end = begin;
    for (; end < items.size() && equal(items[end].keys[0], items[begin].keys[0]); ++end)
      group.push_back(items[end].item);
    if (end == begin) group.push_back(items[end++].item);  // a key that is unlike itself: not a number
    const Value key = path.of(items[begin].item, call.runtime, fallback);
    groups.push_back(call.runtime->list({key, call.runtime->list(std::move(group))}, List::Type::group));
    begin = end;
  }
  return call.runtime->list(std::move(groups));
}

constexpr NamedFilter kOrderFilters[] = {
    {"sort", do_sort}, {"dictsort", do_dictsort}, {"min", do_extreme}, {"max", do_extreme}, {"groupby", do_groupby}};

}  // namespace

FilterTable order_filters() { return {std::begin(kOrderFilters), std::end(kOrderFilters)}; }

}  // namespace t6::jinja
