#include "t6/train/golden.h"

#include <gtest/gtest.h>

#include <cstring>

#include "t6/core/file.h"
#include "t6/formats/safetensors.h"
#include "tests/source_dir.h"
#include "tests/temporary_folder.h"

namespace t6 {
namespace {

const std::filesystem::path kFolder = source_dir() / "tests/golden";

class Golden : public ::testing::TestWithParam<const char*> {};

TEST_P(Golden, MatchesTheReference) {
  for (const AttentionPath path : {AttentionPath::fused, AttentionPath::sdpa}) {
    const GoldenErrors errors = check_golden(kFolder / (std::string(GetParam()) + ".safetensors"), path);
    EXPECT_TRUE(errors.passed()) << (path == AttentionPath::fused ? "fused" : "sdpa") << ": logits " << errors.logits
                                 << ", gradients " << errors.gradients << ", losses " << errors.losses << ", norms "
                                 << errors.gradient_norms << ", parameters " << errors.parameters;
  }
}

INSTANTIATE_TEST_SUITE_P(Files, Golden,
                         ::testing::Values("mha", "mqa", "gqa", "mla", "tpa", "tpa_kvonly", "tpa_rope_after",
                                           "tpa_partial_rope", "tpa_subln"));

// The check itself must be able to fail: one changed number in any kind of tensor is found.
TEST(GoldenCheck, FindsAChangedNumber) {
  const TemporaryFolder folder;
  const std::string good = read_text(kFolder / "tpa.safetensors");
  const SafetensorsFile file(kFolder / "tpa.safetensors");
  for (const std::string name :
       {"output.logits", "output.losses", "output.grad_norms", "param.transformer.wte.weight",
        "grad.transformer.h.1.attn.c_qkv.W_A_k.weight", "after.transformer.h.0.mlp.c_fc1.weight"}) {
    std::string bad = good;
    const std::string needle(reinterpret_cast<const char*>(file.at(name).bytes.data()), file.at(name).bytes.size());
    const size_t place = bad.find(needle);
    ASSERT_NE(place, std::string::npos);
    float value = 0;
    std::memcpy(&value, bad.data() + place, sizeof(value));
    value += 0.1f;
    std::memcpy(bad.data() + place, &value, sizeof(value));
    write_text(folder / "bad.safetensors", bad);
    EXPECT_FALSE(check_golden(folder / "bad.safetensors").passed()) << name;
  }
}

}  // namespace
}  // namespace t6
