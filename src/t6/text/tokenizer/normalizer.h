// What happens to text before it is cut: the "normalizer" of a tokenizer.json.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "t6/formats/json_object.h"

namespace t6 {

class Normalizer {
 public:
  // `json` is null, NFC, Prepend, Replace of a string, or a Sequence of them. Errors begin with `source`.
  Normalizer(const Json& json, const std::string& source);

  bool does_nothing() const { return steps_.empty(); }

  // The normal form of `text` (valid UTF-8): a view of `text` if that is normal already, else of `storage`. Nothing is
  // prepended to a text that goes on after another.
  std::string_view apply(std::string_view text, std::string& storage, bool goes_on = false) const;

 private:
  struct Compose {};  // Unicode's NFC
  struct Prepend {
    std::string text;
  };
  struct Replace {
    std::string from, to;
  };
  using Step = std::variant<Compose, Prepend, Replace>;

  void add(const Json& json, const std::string& source);

  std::vector<Step> steps_;
};

}  // namespace t6
