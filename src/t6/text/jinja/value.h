// Values as Python has them. All are immutable but Objects, so values share their parts freely and hold no cycles.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace t6::jinja {

class Value;
struct Dict;

struct None {};

// Prints as nothing and is false; other uses fail with the message.
struct Undefined {
  std::string message;
};

struct Text {
  std::string bytes;    // valid UTF-8
  int64_t length = 0;   // code points
  bool markup = false;  // markupsafe.Markup: strings that meet it are HTML-escaped
  bool ascii() const { return length == static_cast<int64_t>(bytes.size()); }
};

struct Range {
  int64_t start = 0;
  int64_t stop = 0;
  int64_t step = 1;
  int64_t size() const;
  int64_t at(int64_t index) const { return start + index * step; }
};

// What dict.keys(), values() and items() give.
struct View {
  enum class Part { keys, values, items };
  Part part = Part::keys;
  std::shared_ptr<const Dict> dict;
};

// A method with its object, not called yet.
struct Method;

// A function that templates find by name, such as range.
struct Function {
  std::string_view name;
};

// What has a state: namespaces, loops, iterators, macros. The Runtime owns them.
class Object {
 public:
  Object() = default;
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  virtual ~Object() = default;
  virtual std::string_view type() const = 0;  // Python's name of the class
};

struct List;

class Value {
 public:
  // monostate: nothing, which is what a variable holds before it is set.
  using Data = std::variant<std::monostate, std::shared_ptr<const Undefined>, None, bool, int64_t, double,
                            std::shared_ptr<const Text>, std::shared_ptr<const List>, std::shared_ptr<const Dict>,
                            std::shared_ptr<const Range>, std::shared_ptr<const View>, std::shared_ptr<const Method>,
                            const Function*, Object*>;

  Value() = default;
  template <typename T>
  explicit Value(T data) : data_(std::move(data)) {}
  static Value none() { return Value(None()); }

  const Data& data() const { return data_; }
  template <typename T>
  const T* get_if() const {  // T: bool, int64_t, double
    return std::get_if<T>(&data_);
  }
  template <typename T>
  const T* shared() const {  // T: Undefined, Text, List, Dict, Range, View, Method
    const auto* pointer = std::get_if<std::shared_ptr<const T>>(&data_);
    return pointer == nullptr ? nullptr : pointer->get();
  }
  template <typename T>
  T* object() const {  // T: a class of objects
    Object* const* found = std::get_if<Object*>(&data_);
    return found == nullptr ? nullptr : dynamic_cast<T*>(*found);
  }

  bool missing() const { return std::holds_alternative<std::monostate>(data_); }
  bool is_none() const { return std::holds_alternative<None>(data_); }
  bool undefined() const { return shared<Undefined>() != nullptr; }
  const Text* text() const { return shared<Text>(); }
  const List* list() const { return shared<List>(); }
  const Dict* dict() const { return shared<Dict>(); }

 private:
  Data data_;
};

// Lists and tuples.
struct List {
  enum class Type { list, tuple, group };  // group: what groupby gives, a tuple with the names grouper and list
  std::vector<Value> items;
  Type type = Type::list;
  int depth = 1;       // of containers inside each other
  int64_t weight = 1;  // see weight_of
  bool tuple() const { return type != Type::list; }
};

struct Method {
  Value self;
  std::string_view name;
};

// Keeps the order of insertion.
struct Dict {
  std::vector<std::pair<Value, Value>> items;
  std::unordered_multimap<size_t, size_t> places;  // by hash
  int depth = 1;
  int64_t weight = 1;

  // Error: the key is a list or another value that may change.
  void set(Value key, Value value);
  const Value* find(const Value& key) const;  // nullptr: absent
  const Value* find(std::string_view key) const;
};

Value make_text(std::string bytes, bool markup = false);  // bytes must be valid UTF-8
int depth_of(const Value& value);                         // 0 of what contains nothing
// What walking through the value costs, in steps: its parts, and one for 64 bytes of text. Bounded by kMostWeight.
int64_t weight_of(const Value& value);
inline constexpr int64_t kMostWeight = int64_t{1} << 60;

// Python's type(value).__name__.
std::string_view type_name(const Value& value);
bool truth(const Value& value);
// How many items it has; -1 when it has none, or when only passing over them tells.
int64_t known_length(const Value& value);
size_t hash(const Value& value);
bool equal(const Value& a, const Value& b);
bool same(const Value& a, const Value& b);  // Python's `is`, but that equal strings are one
// a < b. Error: Python has no order for the two types.
bool less(const Value& a, const Value& b);
bool less_equal(const Value& a, const Value& b);

// An int, where a bool is one too; nothing for other types.
bool to_integer(const Value& value, int64_t* integer);
bool is_number(const Value& value);
// Of an int, bool or float.
double to_double(const Value& value);

}  // namespace t6::jinja
