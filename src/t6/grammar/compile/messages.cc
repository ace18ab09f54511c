#include "t6/grammar/compile/messages.h"

#include <algorithm>

#include "t6/core/error.h"
#include "t6/text/utf8.h"

namespace t6 {
namespace {

constexpr int kWarning = 2;  // XGRAMMAR_LOG_LEVEL_WARNING

thread_local std::string warning;  // the first
thread_local bool listening = false;

}  // namespace

std::string quotable(std::string_view text, size_t longest) {
  std::string valid;
  append_valid_utf8(text.substr(0, longest), valid);
  return text.size() > longest ? valid + "..." : valid;
}

Warnings::Warnings() {
  listening = true;
  warning.clear();
}

Warnings::~Warnings() { listening = false; }

void Warnings::require_none() const { require(warning.empty(), "{}", quotable(warning, kLongestMessage)); }

}  // namespace t6

// xgrammar calls these where it is built with XGRAMMAR_LOG_CUSTOMIZE.
namespace xgrammar {

[[noreturn]] void LogFatalImpl(const std::string&, int, const std::string& message);
void LogMessageImpl(const std::string&, int, int level, const std::string& message);

void LogFatalImpl(const std::string&, int, const std::string& message) {
  // "Check failed: (condition) is false: what is wrong"
  constexpr std::string_view kReason = " is false: ";
  const size_t reason = message.find(kReason);
  const bool told = reason != std::string::npos && reason + kReason.size() < message.size();
  throw t6::Error(t6::quotable(told ? message.substr(reason + kReason.size()) : message, t6::kLongestMessage));
}

void LogMessageImpl(const std::string&, int, int level, const std::string& message) {
  if (level >= t6::kWarning && t6::listening && t6::warning.empty()) t6::warning = message;
}

}  // namespace xgrammar
