#include "t6/text/tokenizer/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <array>
#include <new>
#include <utility>

#include "t6/core/error.h"

namespace t6 {
namespace {

// Steps of one match: enough for whitespace runs as long as the text, which the usual patterns give back one by one;
// a pattern that backtracks exponentially ends within a second.
constexpr uint64_t kStepsPerMatch = 10'000'000;
constexpr uint64_t kStepsPerByte = 4;

std::string message_of(int code) {
  std::array<PCRE2_UCHAR, 256> buffer{};
  pcre2_get_error_message(code, buffer.data(), buffer.size());
  return reinterpret_cast<const char*>(buffer.data());
}

}  // namespace

Pattern::Scratch::Scratch()
    : data_(pcre2_match_data_create(1, nullptr)), context_(pcre2_match_context_create(nullptr)) {
  if (data_ == nullptr || context_ == nullptr) throw std::bad_alloc();
}

Pattern::Scratch::~Scratch() {
  pcre2_match_data_free(data_);
  pcre2_match_context_free(context_);
}

void Pattern::Free::operator()(pcre2_real_code_8* code) const { pcre2_code_free(code); }

Pattern::Pattern(std::string_view pattern, bool literal, std::string source) : source_(std::move(source)) {
  const std::unique_ptr<pcre2_compile_context, decltype(&pcre2_compile_context_free)> context(
      pcre2_compile_context_create(nullptr), pcre2_compile_context_free);
  if (context == nullptr) throw std::bad_alloc();
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);  // whatever this PCRE2 was built with
  // Oniguruma's ^ and $ match at every line.
  const uint32_t options = PCRE2_UTF | (literal ? PCRE2_LITERAL : PCRE2_UCP | PCRE2_MULTILINE);
  int error = 0;
  PCRE2_SIZE offset = 0;
  code_.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), options, &error, &offset,
                            context.get()));
  require(code_ != nullptr, "{}: the pattern {:?} is not valid at byte {}: {}", source_, std::string(pattern), offset,
          message_of(error));
  compiled_to_machine_code_ = pcre2_jit_compile(code_.get(), PCRE2_JIT_COMPLETE) == 0;
}

std::optional<TextRange> Pattern::find(std::string_view text, size_t start, Scratch& scratch) const {
  const uint64_t steps = kStepsPerMatch + kStepsPerByte * text.size();
  pcre2_set_match_limit(scratch.context_, static_cast<uint32_t>(std::min<uint64_t>(steps, UINT32_MAX)));
  const auto subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  int found = PCRE2_ERROR_JIT_STACKLIMIT;
  if (compiled_to_machine_code_) {
    found = pcre2_jit_match(code_.get(), subject, text.size(), start, 0, scratch.data_, scratch.context_);
  }
  if (found == PCRE2_ERROR_JIT_STACKLIMIT) {  // The interpreter keeps its stack on the heap, so it gets further.
    found = pcre2_match(code_.get(), subject, text.size(), start, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, scratch.data_,
                        scratch.context_);
  }
  if (found == PCRE2_ERROR_NOMATCH) return std::nullopt;
  require(found >= 0, "{}: the pattern failed on this text: {}", source_, message_of(found));
  const PCRE2_SIZE* range = pcre2_get_ovector_pointer(scratch.data_);
  return TextRange{range[0], range[1]};
}

}  // namespace t6
