// map, select, reject, selectattr, rejectattr and unique: they look at one item when it is wanted.
#include <iterator>
#include <optional>

#include "t6/text/jinja/attribute_path.h"
#include "t6/text/jinja/filter_call.h"
#include "t6/text/jinja/filters.h"
#include "t6/text/jinja/tests.h"

namespace t6::jinja {
namespace {

const std::string& name_of(const Value& value) {
  require(value.text() != nullptr, "the name of a filter or test is a string, not a '{}'", type_name(value));
  return value.text()->bytes;
}

// Begins when the first item is wanted, as Python's generators do; its errors come then too.
class LazySource : public Source {
 public:
  LazySource(Value value, CallArguments arguments, Runtime* runtime)
      : runtime_(*runtime), arguments_(std::move(arguments)), value_(std::move(value)) {}

  bool next(Value* item) final {
    require(!running_, "generator already executing");
    if (ended_) return false;
    running_ = true;
    if (!begun_) {
      begun_ = true;
      begin();
      source_ = truth(value_) ? runtime_.iterate(value_) : nullptr;
    }
    ended_ = source_ == nullptr || !find_next(item);
    running_ = false;
    return !ended_;
  }

 protected:
  virtual void begin() = 0;
  virtual bool find_next(Value* item) = 0;
  Source& source() { return *source_; }
  const Value& value() const { return value_; }

  Runtime& runtime_;
  CallArguments arguments_;

 private:
  Value value_;
  std::unique_ptr<Source> source_;
  bool begun_ = false;
  bool ended_ = false;
  bool running_ = false;
};

class MapSource : public LazySource {
 public:
  using LazySource::LazySource;

 private:
  void begin() override {
    if (!truth(value())) return;
    if (arguments_.positional.empty() && !arguments_.keywords.empty()) {
      const Parameters parameters("map", arguments_, {"attribute", "default"});
      require(parameters.find(0) != nullptr, "map requires a filter argument");
      path_ = AttributePath(parameters.find(0));
      if (parameters.given(1) != nullptr) fallback_ = parameters.at(1);
      return;
    }
    require(!arguments_.positional.empty(), "map requires a filter argument");
    filter_ = name_of(arguments_.positional[0]);
    arguments_.positional.erase(arguments_.positional.begin());
  }

  bool find_next(Value* item) override {
    Value next;
    if (!source().next(&next)) return false;
    *item = path_ ? path_->of(next, &runtime_, fallback_.missing() ? nullptr : &fallback_)
                  : call_filter(filter_, next, arguments_, &runtime_);
    return true;
  }

  std::optional<AttributePath> path_;
  Value fallback_;
  std::string filter_;
};

class SelectSource : public LazySource {
 public:
  SelectSource(const FilterCall& call, bool keep, bool attribute)
      : LazySource(call.value, call.arguments, call.runtime), keep_(keep), attribute_(attribute) {}

 private:
  void begin() override {
    if (!truth(value())) return;
    std::vector<Value>& positional = arguments_.positional;
    if (attribute_) {
      require(!positional.empty(), "Missing parameter for attribute name");
      path_ = AttributePath(&positional[0]);
      positional.erase(positional.begin());
    }
    if (positional.empty()) return;
    test_ = name_of(positional[0]);
    positional.erase(positional.begin());
  }

  bool find_next(Value* item) override {
    while (source().next(item)) {
      const Value tested = path_ ? path_->of(*item, &runtime_) : *item;
      if ((test_ ? call_test(*test_, tested, arguments_, &runtime_) : truth(tested)) == keep_) return true;
    }
    return false;
  }

  bool keep_;
  bool attribute_;
  std::optional<AttributePath> path_;
  std::optional<std::string> test_;
};

class UniqueSource : public Source {
 public:
  UniqueSource(const Value& value, const Value* attribute, bool case_sensitive, Runtime* runtime)
      : runtime_(*runtime), value_(value), path_(attribute), case_sensitive_(case_sensitive) {}

  bool next(Value* item) override {
    if (!source_) source_ = runtime_.iterate(value_);
    while (source_->next(item)) {
      Value key = path_.of(*item, &runtime_);
      if (!case_sensitive_) key = ignore_case(key, &runtime_);
      runtime_.charge(weight_of(key));
      if (seen_.find(key) != nullptr) continue;
      runtime_.set(&seen_, key, Value::none());
      return true;
    }
    return false;
  }

 private:
  Runtime& runtime_;
  Value value_;
  AttributePath path_;
  bool case_sensitive_;
  std::unique_ptr<Source> source_;
  Dict seen_;
};

Value do_map(const FilterCall& call) {
  return call.runtime->iterator<MapSource>(kGenerator, call.value, call.arguments, call.runtime);
}

Value do_select(const FilterCall& call) {
  return call.runtime->iterator<SelectSource>(kGenerator, call, call.name.starts_with("select"),
                                              call.name.ends_with("attr"));
}

Value do_unique(const FilterCall& call) {
  const Parameters parameters = call.parameters({"case_sensitive", "attribute"});
  return call.runtime->iterator<UniqueSource>(kGenerator, call.value, parameters.given(1), parameters.boolean(0, false),
                                              call.runtime);
}

constexpr NamedFilter kSelectionFilters[] = {{"map", do_map},           {"select", do_select},
                                             {"reject", do_select},     {"selectattr", do_select},
                                             {"rejectattr", do_select}, {"unique", do_unique}};

}  // namespace

FilterTable selection_filters() { return {std::begin(kSelectionFilters), std::end(kSelectionFilters)}; }

}  // namespace t6::jinja
