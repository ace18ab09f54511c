// A compiled regular expression over UTF-8, with bounds on what a hostile one may cost.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct pcre2_real_code_8;
struct pcre2_real_match_data_8;
struct pcre2_real_match_context_8;

namespace t6 {

struct TextRange {
  size_t begin, end;
};

class Pattern {
 public:
  // What a search needs besides the pattern; one thread at a time may use it, for any pattern.
  class Scratch {
   public:
    Scratch();
    ~Scratch();
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

   private:
    friend class Pattern;
    pcre2_real_match_data_8* data_;
    pcre2_real_match_context_8* context_;
  };

  // `pattern` in PCRE2's syntax; `literal`: no character of it has a meaning. Error, beginning with `source`: not
  // valid.
  Pattern(std::string_view pattern, bool literal, std::string source);

  // The first match in `text` (valid UTF-8) at or after `start`; what lies before `start` counts for lookbehind.
  // Error: the match took more steps than any sane pattern needs.
  std::optional<TextRange> find(std::string_view text, size_t start, Scratch& scratch) const;

 private:
  struct Free {
    void operator()(pcre2_real_code_8* code) const;
  };
  std::string source_;
  std::unique_ptr<pcre2_real_code_8, Free> code_;
  bool compiled_to_machine_code_ = false;
};

}  // namespace t6
