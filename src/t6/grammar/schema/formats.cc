#include "t6/grammar/schema/formats.h"

#include <fmt/format.h>

#include <map>
#include <vector>

namespace t6 {
namespace {

constexpr std::string_view kHex = "[0-9a-fA-F]";
constexpr std::string_view kLabel = "[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?";

// RFC 3339: months of 31, 30 and 28 days, and the 29th of February in leap years.
std::string date() {
  constexpr std::string_view kTwoDigitLeap = "(0[48]|[2468][048]|[13579][26])";
  return fmt::format(
      "([0-9]{{3}}[1-9]|[0-9]{{2}}[1-9][0-9]|[0-9][1-9][0-9]{{2}}|[1-9][0-9]{{3}})-"
      "((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))|"
      "([0-9]{{2}}{0}|{0}00)-02-29",
      kTwoDigitLeap);
}

std::string time() {
  constexpr std::string_view kHour = "([01][0-9]|2[0-3])";
  return fmt::format("{0}:[0-5][0-9]:[0-5][0-9](\\.[0-9]{{1,9}})?(Z|[+-]{0}:[0-5][0-9])", kHour);
}

// RFC 3339's appendix A.
std::string duration() {
  constexpr std::string_view kTime = "T([0-9]{1,9}H([0-9]{1,9}M([0-9]{1,9}S)?)?|[0-9]{1,9}M([0-9]{1,9}S)?|[0-9]{1,9}S)";
  constexpr std::string_view kDate = "([0-9]{1,9}Y([0-9]{1,9}M([0-9]{1,9}D)?)?|[0-9]{1,9}M([0-9]{1,9}D)?|[0-9]{1,9}D)";
  return fmt::format("P({0}({1})?|{1}|[0-9]{{1,9}}W)", kDate, kTime);
}

std::string ipv6() {
  std::string whole = fmt::format("({0}{{1,4}}:){{7}}{0}{{1,4}}", kHex);
  // :: in place of two groups or more: `before` groups before it, at most the rest behind it.
  for (int before = 0; before <= 6; ++before) {
    const std::string head = before == 0 ? ":" : fmt::format("({}{{1,4}}:){{{}}}", kHex, before);
    const int behind = 6 - before;
    const std::string tail = behind == 0   ? ""
                             : behind == 1 ? fmt::format("({0}{{1,4}})?", kHex)
                                           : fmt::format("({0}{{1,4}}(:{0}{{1,4}}){{0,{1}}})?", kHex, behind - 1);
    whole += fmt::format("|{}:{}", head, tail);
  }
  return whole;
}

std::map<std::string, std::string, std::less<>> make_formats() {
  constexpr std::string_view kByte = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
  constexpr std::string_view kAtom = "[a-zA-Z0-9_+-]{1,20}";
  const std::string host = fmt::format("{0}(\\.{0}){{0,3}}", kLabel);
  return {
      {"date", date()},
      {"time", time()},
      {"date-time", fmt::format("({})T({})", date(), time())},
      {"duration", duration()},
      {"email",
       fmt::format("{0}(\\.{0}){{0,2}}@{1}(\\.{1}){{1,2}}", kAtom, "[a-zA-Z]([a-zA-Z0-9-]{0,30}[a-zA-Z0-9])?")},
      {"hostname", host},
      {"ipv4", fmt::format("({0}\\.){{3}}{0}", kByte)},
      {"ipv6", ipv6()},
      {"uri", fmt::format("[a-z][a-z0-9+.-]{{0,15}}://{}(:[0-9]{{1,4}})?(/[a-zA-Z0-9._~-]*)*(\\?[a-zA-Z0-9._~=&-]*)?"
                          "(#[a-zA-Z0-9._~-]*)?",
                          host)},
      {"uuid", fmt::format("{0}{{8}}-{0}{{4}}-{0}{{4}}-{0}{{4}}-{0}{{12}}", kHex)},
  };
}

const auto& formats() {
  static const auto all = make_formats();
  return all;
}

}  // namespace

std::string_view format_expression(std::string_view format) {
  const auto found = formats().find(format);
  return found == formats().end() ? std::string_view() : found->second;
}

std::string format_names() {
  std::vector<std::string_view> names;
  for (const auto& [name, expression] : formats()) names.push_back(name);
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace t6
