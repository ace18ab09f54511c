// The place of join.cc in a program that was built without MPI.
#include "t6/core/error.h"
#include "t6/core/launched.h"
#include "t6/train/ranks.h"

namespace t6 {

std::shared_ptr<Ranks> join_ranks() {
  const std::optional<std::string> launcher = launched();
  require(
      !launcher,
      "this process was started as one of several ({} is set), and the program was built without MPI; build it with "
      "'make build MPI=ON', or start it alone",
      launcher.value_or(""));
  return std::make_shared<Ranks>();
}

}  // namespace t6
