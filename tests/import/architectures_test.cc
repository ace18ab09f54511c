#include "t6/import/architectures.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "t6/core/file.h"
#include "tests/error_of.h"
#include "tests/source_dir.h"

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

// Not a matcher: its message would print the page.
bool names(const std::string& page, std::string_view word) {
  return read_text(source_dir() / page).find(word) != std::string::npos;
}

TEST(Architectures, AreNamedInTheDocuments) {
  for (const Architecture& row : architectures()) {
    for (const char* page : {"README.md", "docs/serving.md", "docs/models.md"}) {
      EXPECT_TRUE(names(page, row.title)) << page << " does not name " << row.title;
    }
    for (const std::string_view name : {row.hugging_face, row.gguf}) {
      const bool named = name.empty() || names("docs/formats.md", fmt::format("`{}`", name));
      EXPECT_TRUE(named) << "docs/formats.md does not name `" << name << "`";
    }
  }
}

}  // namespace
}  // namespace t6
