#include "t6/formats/gguf/type_codes.h"

#include "t6/core/error.h"

namespace t6 {
namespace {

struct KnownType {
  uint32_t code;
  NumberType type;
};
constexpr KnownType kKnownTypes[] = {
    {0, NumberType::f32},      {1, NumberType::f16},     {2, NumberType::q4_0},     {3, NumberType::q4_1},
    {6, NumberType::q5_0},     {7, NumberType::q5_1},    {8, NumberType::q8_0},     {10, NumberType::q2_k},
    {11, NumberType::q3_k},    {12, NumberType::q4_k},   {13, NumberType::q5_k},    {14, NumberType::q6_k},
    {16, NumberType::iq2_xxs}, {17, NumberType::iq2_xs}, {18, NumberType::iq3_xxs}, {19, NumberType::iq1_s},
    {20, NumberType::iq4_nl},  {21, NumberType::iq3_s},  {22, NumberType::iq2_s},   {23, NumberType::iq4_xs},
    {29, NumberType::iq1_m},   {30, NumberType::bf16},   {34, NumberType::tq1_0},   {35, NumberType::tq2_0},
    {39, NumberType::mxfp4}};

struct OtherType {
  uint32_t code;
  std::string_view name;
};
constexpr OtherType kOtherTypes[] = {{9, "Q8_1"}, {15, "Q8_K"}, {24, "I8"},  {25, "I16"},
                                     {26, "I32"}, {27, "I64"},  {28, "F64"}, {40, "NVFP4"}};

}  // namespace

std::optional<NumberType> gguf_type_from_code(uint32_t code) {
  for (const KnownType& known : kKnownTypes) {
    if (known.code == code) return known.type;
  }
  return std::nullopt;
}

uint32_t gguf_code_of_type(NumberType type) {
  for (const KnownType& known : kKnownTypes) {
    if (known.type == type) return known.code;
  }
  fail("{} is no type of GGUF ({} are)", number_type_name(type), gguf_types());
}

std::string_view gguf_type_name(uint32_t code) {
  if (const auto type = gguf_type_from_code(code)) return number_type_name(*type);
  for (const OtherType& other : kOtherTypes) {
    if (other.code == code) return other.name;
  }
  return "unknown";
}

std::string gguf_types() {
  std::string list;
  for (const KnownType& known : kKnownTypes) list.append(list.empty() ? "" : ", ").append(number_type_name(known.type));
  return list;
}

}  // namespace t6
