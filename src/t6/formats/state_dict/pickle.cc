#include "t6/formats/state_dict/pickle.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "t6/core/error.h"

namespace t6 {
namespace {

using Kind = PickleValue::Kind;

// A tensor takes some 200 bytes, and a model has some thousand. Every byte of a hostile file may cost a value.
constexpr size_t kMostBytes = size_t{8} << 20;

// Python's pickletools describes them all. These are the ones that protocols 2 and 3 write for plain data and calls.
enum Opcode : unsigned char {
  kMark = '(',
  kStop = '.',
  kNone = 'N',
  kTrue = 0x88,
  kFalse = 0x89,
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kLong1 = 0x8a,
  kBinFloat = 'G',
  kBinUnicode = 'X',
  kEmptyList = ']',
  kAppend = 'a',
  kAppends = 'e',
  kEmptyTuple = ')',
  kTuple = 't',
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kEmptyDict = '}',
  kSetItem = 's',
  kSetItems = 'u',
  kGlobal = 'c',
  kReduce = 'R',
  kNewObject = 0x81,
  kBuild = 'b',
  kPersistent = 'Q',
  kPut = 'q',
  kLongPut = 'r',
  kGet = 'h',
  kLongGet = 'j',
  kProtocol = 0x80
};

}  // namespace

// Runs the opcodes, which build values on a stack.
class Pickle::Machine {
 public:
  Machine(std::span<const std::byte> bytes, const std::string& source, std::deque<PickleValue>& values)
      : bytes_(bytes), source_(source), values_(values) {}

  const PickleValue* run() {
    for (;;) {
      const auto opcode = number<unsigned char>();
      if (opcode == kStop) return pop();
      step(opcode);
    }
  }

 private:
  template <typename... Arguments>
  [[noreturn]] void refuse(fmt::format_string<Arguments...> what, Arguments&&... arguments) const {
    fail("{}: byte {}: {}", source_, at_, fmt::format(what, std::forward<Arguments>(arguments)...));
  }

  std::string_view read(size_t size) {
    if (size > bytes_.size() - at_) refuse("the pickle ends too early");
    const std::string_view out(reinterpret_cast<const char*>(bytes_.data()) + at_, size);
    at_ += size;
    return out;
  }
  template <typename Number>
  Number number() {
    Number value{};
    std::memcpy(&value, read(sizeof(value)).data(), sizeof(value));
    return value;
  }
  std::string_view line() {
    const std::string_view rest(reinterpret_cast<const char*>(bytes_.data()) + at_, bytes_.size() - at_);
    const std::string_view out = read(std::min(rest.find('\n'), rest.size()));
    read(1);
    return out;
  }

  PickleValue& push(Kind kind) {
    PickleValue& value = values_.emplace_back();
    value.kind = kind;
    stack_.push_back(&value);
    return value;
  }
  // Values before the last mark are out of reach.
  PickleValue& top() {
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) refuse("the pickle takes a value that is not there");
    return *stack_.back();
  }
  PickleValue* pop() {
    PickleValue* value = &top();
    stack_.pop_back();
    return value;
  }
  std::vector<const PickleValue*> pop_to_mark() {
    if (marks_.empty()) refuse("the pickle goes back to a mark that is not there");
    const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<const PickleValue*> values(begin, stack_.end());
    stack_.erase(begin, stack_.end());
    marks_.pop_back();
    return values;
  }
  void push_integer(int64_t value) { push(Kind::integer).integer = value; }
  void push_tuple(std::vector<const PickleValue*> items) { push(Kind::list).items = std::move(items); }
  void push_tuple(size_t count) {
    std::vector<const PickleValue*> items(count);
    for (size_t i = count; i-- > 0;) items[i] = pop();
    push_tuple(std::move(items));
  }
  void append(const std::vector<const PickleValue*>& items) {
    PickleValue& list = top();
    if (list.kind != Kind::list) refuse("the pickle appends to {}", describe(list));
    list.items.insert(list.items.end(), items.begin(), items.end());
  }
  void set(const std::vector<const PickleValue*>& items) {
    PickleValue& dict = top();
    if (dict.kind != Kind::dict || items.size() % 2 != 0) refuse("the pickle sets entries of {}", describe(dict));
    for (size_t i = 0; i < items.size(); i += 2) dict.entries.emplace_back(items[i], items[i + 1]);
  }
  void call() {
    const PickleValue* arguments = pop();
    const PickleValue* callee = pop();
    if (callee->kind != Kind::global || arguments->kind != Kind::list) refuse("the pickle calls {}", describe(*callee));
    if (callee->text == "collections.OrderedDict" && arguments->items.empty()) return void(push(Kind::dict));
    push(Kind::call).items = {callee, arguments};
  }
  void push_long() {
    const std::string_view digits = read(number<unsigned char>());
    if (digits.size() > sizeof(int64_t)) refuse("a whole number of {} bytes", digits.size());
    int64_t value = !digits.empty() && (digits.back() & 0x80) ? -1 : 0;  // the sign goes on to the left
    std::memcpy(&value, digits.data(), digits.size());
    push_integer(value);
  }
  void push_remembered(uint32_t place) {
    const auto found = memo_.find(place);
    if (found == memo_.end()) refuse("the pickle remembers nothing at {}", place);
    stack_.push_back(found->second);
  }
  void push_global() {
    const std::string_view module = line();
    push(Kind::global).text = fmt::format("{}.{}", module, line());
  }

  void step(unsigned char opcode) {
    switch (opcode) {
      case kProtocol: {
        const int protocol = number<unsigned char>();
        if (protocol < 2 || protocol > 3) refuse("protocol {}; wanted 2 or 3", protocol);
        return;
      }
      case kMark:
        return marks_.push_back(stack_.size());
      case kNone:
        return void(push(Kind::none));
      case kTrue:
      case kFalse:
        return void(push(Kind::boolean).integer = opcode == kTrue);
      case kBinInt:
        return push_integer(number<int32_t>());
      case kBinInt1:
        return push_integer(number<uint8_t>());
      case kBinInt2:
        return push_integer(number<uint16_t>());
      case kLong1:
        return push_long();
      case kBinFloat:
        read(sizeof(double));
        return void(push(Kind::real));
      case kBinUnicode:
        return void(push(Kind::text).text = read(number<uint32_t>()));
      case kEmptyList:
      case kEmptyTuple:
        return void(push(Kind::list));
      case kEmptyDict:
        return void(push(Kind::dict));
      case kTuple:
        return push_tuple(pop_to_mark());
      case kTuple1:
      case kTuple2:
      case kTuple3:
        return push_tuple(size_t{opcode} - kTuple1 + 1);
      case kAppend:
        return append({pop()});
      case kAppends:
        return append(pop_to_mark());
      case kSetItem: {
        const PickleValue* value = pop();
        return set({pop(), value});
      }
      case kSetItems:
        return set(pop_to_mark());
      case kGlobal:
        return push_global();
      case kReduce:
      case kNewObject:
        return call();
      case kBuild:  // gives an object attributes, of which a tensor or a dict needs none
        pop();
        return void(top());
      case kPersistent: {
        const PickleValue* id = pop();
        return void(push(Kind::persistent).items = {id});
      }
      case kPut:
        memo_[number<uint8_t>()] = &top();
        return;
      case kLongPut:
        memo_[number<uint32_t>()] = &top();
        return;
      case kGet:
        return push_remembered(number<uint8_t>());
      case kLongGet:
        return push_remembered(number<uint32_t>());
      default:
        refuse("the opcode 0x{:02x} is not supported", opcode);
    }
  }

  std::span<const std::byte> bytes_;
  const std::string& source_;
  std::deque<PickleValue>& values_;
  size_t at_ = 0;
  std::vector<PickleValue*> stack_;
  std::vector<size_t> marks_;  // sizes of the stack
  std::unordered_map<uint32_t, PickleValue*> memo_;
};

std::string describe(const PickleValue& value) {
  switch (value.kind) {
    case Kind::none:
      return "None";
    case Kind::boolean:
    case Kind::integer:
    case Kind::real:
      return "a number";
    case Kind::text:
      return "a string";
    case Kind::list:
      return "a list";
    case Kind::dict:
      return "a dict";
    case Kind::global:
      return value.text;
    case Kind::call:
      return "a call of " + value.items[0]->text;
    case Kind::persistent:
      return "a storage";
  }
  return "nothing";
}

Pickle::Pickle(std::span<const std::byte> bytes, const std::string& source) {
  require(bytes.size() <= kMostBytes, "{}: a pickle of {} bytes, more than {}", source, bytes.size(), kMostBytes);
  root_ = Machine(bytes, source, values_).run();
}

}  // namespace t6
