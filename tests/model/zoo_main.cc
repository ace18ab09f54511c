// The configurations of the zoo (tests/zoo.h), for tests that are not in C++.
//
//   t6_zoo FOLDER
//
// Writes FOLDER/NAME/config.json for each of its models.
#include <cstdio>
#include <filesystem>

#include "t6/formats/json.h"
#include "t6/formats/model_files.h"
#include "tests/zoo.h"

int main(int argc, char** argv) {
  try {
    const std::filesystem::path out = argc > 1 ? argv[1] : ".";
    for (const t6::ZooModel& model : t6::zoo()) {
      std::filesystem::create_directories(out / model.name);
      t6::write_json(out / model.name / t6::kConfigFile, t6::config_to_json(model.config));
    }
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "t6_zoo: %s\n", error.what());
    return 1;
  }
}
