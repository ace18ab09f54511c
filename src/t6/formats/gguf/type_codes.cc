#include "t6/formats/gguf/type_codes.h"

namespace t6 {
namespace {

struct KnownType {
  uint32_t code;
  NumberType type;
};
constexpr KnownType kKnownTypes[] = {{0, NumberType::f32},   {1, NumberType::f16},   {2, NumberType::q4_0},
                                     {3, NumberType::q4_1},  {6, NumberType::q5_0},  {7, NumberType::q5_1},
                                     {8, NumberType::q8_0},  {12, NumberType::q4_k}, {13, NumberType::q5_k},
                                     {14, NumberType::q6_k}, {30, NumberType::bf16}};

struct OtherType {
  uint32_t code;
  std::string_view name;
};
constexpr OtherType kOtherTypes[] = {
    {9, "Q8_1"},   {10, "Q2_K"},   {11, "Q3_K"},  {15, "Q8_K"},  {16, "IQ2_XXS"}, {17, "IQ2_XS"}, {18, "IQ3_XXS"},
    {19, "IQ1_S"}, {20, "IQ4_NL"}, {21, "IQ3_S"}, {22, "IQ2_S"}, {23, "IQ4_XS"},  {24, "I8"},     {25, "I16"},
    {26, "I32"},   {27, "I64"},    {28, "F64"},   {29, "IQ1_M"}, {34, "TQ1_0"},   {35, "TQ2_0"},  {39, "MXFP4"}};

}  // namespace

std::optional<NumberType> gguf_type_from_code(uint32_t code) {
  for (const KnownType& known : kKnownTypes) {
    if (known.code == code) return known.type;
  }
  return std::nullopt;
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
