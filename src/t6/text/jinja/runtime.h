// What one rendering uses and may use: its limits, and the objects that it made. Everything that makes values, or takes
// long, asks here first; an Error is the answer where a limit is passed.
#pragma once

#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "t6/core/error.h"
#include "t6/text/jinja/value.h"

namespace t6::jinja {

// What raise_exception throws; it gets no line.
class RaisedError : public Error {
 public:
  using Error::Error;
};

// Passes over something once.
class Source {
 public:
  virtual ~Source() = default;
  virtual bool next(Value* item) = 0;  // false: at the end
};

// A Source as a value: what map, select or reverse give.
class Iterator : public Object {
 public:
  Iterator(std::unique_ptr<Source> source, std::string_view type) : source_(std::move(source)), type_(type) {}
  std::string_view type() const override { return type_; }
  Source& source() { return *source_; }

 private:
  std::unique_ptr<Source> source_;
  std::string_view type_;
};

class Runtime {
 public:
  struct Limits {
    int64_t steps = 0;
    int64_t text_bytes = 0;
    int depth = 0;
  };
  Runtime(const Limits& limits, std::function<std::time_t()> clock) : limits_(limits), clock_(std::move(clock)) {}
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  void charge(int64_t steps);
  void check_text(size_t bytes) const;                    // of a string that is being made
  void charge_text(size_t bytes);                         // for a string of this size
  void check_product(int64_t size, int64_t count) const;  // before a string or list of size * count is made

  Value text(std::string bytes, bool markup = false);
  Value list(std::vector<Value> items, List::Type type = List::Type::list);
  Value tuple(std::vector<Value> items) { return list(std::move(items), List::Type::tuple); }
  Value dict(Dict items);
  // Sets a key of a dict in the making.
  void set(Dict* dict, Value key, Value value);
  Value undefined(std::string message);

  template <typename T, typename... Args>
  T* make(Args&&... args) {
    charge(kObjectSteps);
    auto owned = std::make_unique<T>(std::forward<Args>(args)...);
    T* object = owned.get();
    objects_.push_back(std::move(owned));
    return object;
  }
  template <typename T, typename... Args>
  Value iterator(std::string_view type, Args&&... args) {
    return Value(static_cast<Object*>(make<Iterator>(std::make_unique<T>(std::forward<Args>(args)...), type)));
  }

  // The items of anything that can be passed over. Error: it cannot.
  std::unique_ptr<Source> iterate(const Value& value);
  std::vector<Value> collect(const Value& value);

  std::time_t now() const { return clock_ ? clock_() : std::time(nullptr); }

  // Holds one level of the nesting that the limits bound.
  class Level {
   public:
    explicit Level(Runtime* runtime) : runtime_(runtime) { runtime_->enter(); }
    ~Level() { --runtime_->depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    Runtime* runtime_;
  };

 private:
  static constexpr int64_t kObjectSteps = 8;
  void enter();

  Limits limits_;
  std::function<std::time_t()> clock_;
  std::vector<std::unique_ptr<Object>> objects_;
  int64_t used_ = 0;
  int depth_ = 0;
};

}  // namespace t6::jinja
