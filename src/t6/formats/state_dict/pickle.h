// Python's pickles as data: nothing that they name is looked up, and nothing that they call is run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace t6 {

struct PickleValue {
  enum class Kind {
    none,
    boolean,
    integer,
    real,  // its number is not kept
    text,
    list,       // a tuple, too
    dict,       // an OrderedDict, too
    global,     // "torch.FloatStorage"
    call,       // items: a global and the list of its arguments
    persistent  // what the file's writer stores outside of the pickle; items: what tells it
  };
  Kind kind = Kind::none;
  int64_t integer = 0;
  std::string text;
  std::vector<const PickleValue*> items;
  std::vector<std::pair<const PickleValue*, const PickleValue*>> entries;

  // Of a call of the global `name`.
  bool calls(std::string_view name) const { return kind == Kind::call && items[0]->text == name; }
  const std::vector<const PickleValue*>& arguments() const { return items[1]->items; }  // of a call
};

// "a number", "a call of posix.system": for messages.
std::string describe(const PickleValue& value);

class Pickle {
 public:
  // `source` begins messages. Protocols 2 and 3. Errors: malformed, of another protocol, or larger than any description
  // of a model's tensors.
  Pickle(std::span<const std::byte> bytes, const std::string& source);

  const PickleValue& root() const { return *root_; }  // lives as long as this object

 private:
  class Machine;
  std::deque<PickleValue> values_;  // own all values, which refer to each other in any way
  const PickleValue* root_ = nullptr;
};

}  // namespace t6
