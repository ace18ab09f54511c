// What happens to text before it is cut: nothing, or Unicode's NFC. The "normalizer" of a tokenizer.json.
#pragma once

#include <string>
#include <string_view>

#include "t6/formats/json.h"

namespace t6 {

class Normalizer {
 public:
  // `json` is null, NFC or a Sequence of them. Errors begin with `source`.
  Normalizer(const Json& json, const std::string& source);

  bool does_nothing() const { return !composes_; }

  // The normal form of `text` (valid UTF-8): a view of `text` if that is normal already, else of `storage`.
  std::string_view apply(std::string_view text, std::string& storage) const;

 private:
  bool composes_ = false;
};

}  // namespace t6
