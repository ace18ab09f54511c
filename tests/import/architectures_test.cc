#include "t6/import/architectures.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "t6/core/file.h"
#include "tests/error_of.h"

namespace t6 {
namespace {

using ::testing::HasSubstr;

TEST(Architectures, AreFoundByTheirNames) {
  for (const Architecture& row : architectures()) {
    EXPECT_EQ(hugging_face_architecture(row.hugging_face, "f").title, row.title);
    if (row.gguf.empty()) continue;
    EXPECT_EQ(gguf_architecture(row.gguf, "f").title, row.title);
  }
}

TEST(Architectures, AreListedWhereANameIsUnknown) {
  EXPECT_EQ(error_of([] { hugging_face_architecture("gemma", "f"); }),
            "f: \"model_type\" is \"gemma\", which is not supported (t6, " + hugging_face_names() + " are)");
  EXPECT_EQ(error_of([] { gguf_architecture("mamba", "f"); }),
            "f: the architecture \"mamba\" is not supported (" + gguf_names() + " are)");
  EXPECT_THAT(error_of([] { gguf_architecture("", "f"); }), HasSubstr("the architecture \"\" is not supported"));
}

TEST(Architectures, AreNamedInTheDocuments) {
  const std::filesystem::path source = T6_SOURCE_DIR;
  for (const char* page : {"README.md", "docs/serving.md", "docs/models.md"}) {
    const std::string text = read_text(source / page);
    for (const Architecture& row : architectures()) EXPECT_THAT(text, HasSubstr(std::string(row.title))) << page;
  }
  const std::string formats = read_text(source / "docs/formats.md");
  for (const Architecture& row : architectures()) {
    EXPECT_THAT(formats, HasSubstr(fmt::format("`{}`", row.hugging_face)));
    if (row.gguf.empty()) continue;
    EXPECT_THAT(formats, HasSubstr(fmt::format("`{}`", row.gguf)));
  }
}

}  // namespace
}  // namespace t6
