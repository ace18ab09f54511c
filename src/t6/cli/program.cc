#include "t6/cli/program.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <exception>
#include <filesystem>
#include <new>
#include <optional>
#include <system_error>

#include "t6/cli/interrupt.h"
#include "t6/core/error.h"

namespace t6 {

int run_program(CLI::App& app, int argc, char** argv) {
  try {
    app.parse(argc, argv);
    end_if_interrupted();
    return 0;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    app.exit(error);
    return 2;
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "t6: error: out of memory\n");
  } catch (const std::exception& error) {
    fmt::print(stderr, "t6: error: {}\n", error.what());
  }
  end_if_interrupted();
  return 1;
}

void print_notes(const std::vector<std::string>& notes) {
  for (const std::string& note : notes) fmt::print(stderr, "t6: note: {}\n", note);
}

std::string path_beside(const std::string& name) {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  const auto path = self.parent_path() / name;
  return !error && ::access(path.c_str(), X_OK) == 0 ? path.string() : std::string();
}

namespace {

// As exec wants them: `copies` holds the words, the last pointer is null.
std::vector<char*> pointers(std::vector<std::string>& copies) {
  std::vector<char*> argv;
  for (auto& word : copies) argv.push_back(word.data());
  argv.push_back(nullptr);
  return argv;
}

// Waits for a program that was started, taking what comes out of `output` (below 0: nothing is taken), and returns its
// status. When this process is interrupted meanwhile, the other is so, too, if it has not ended a second later: Ctrl-C
// reaches both, a signal from another program this one alone. `watch` is called again and again until then.
int wait_for(pid_t child, int output, std::string* text, const std::function<void()>& watch = {}) {
  using Clock = std::chrono::steady_clock;
  const bool interrupted_before = interrupt_token().cancelled();
  std::optional<Clock::time_point> noticed;
  for (int status = 0;;) {
    const bool ended = ::waitpid(child, &status, WNOHANG) == child;
    pollfd pipe = {output, POLLIN, 0};
    char buffer[4096];
    while (::poll(&pipe, 1, ended ? 0 : 20) > 0) {
      const ssize_t count = ::read(output, buffer, sizeof(buffer));
      if (count > 0) text->append(buffer, static_cast<size_t>(count));
      if (count == 0) pipe.fd = output = -1;  // only time is left to wait for
      if (!ended) break;
    }
    if (ended) return status;
    if (watch) watch();
    if (interrupted_before || !interrupt_token().cancelled()) continue;
    if (!noticed) noticed = Clock::now();
    if (Clock::now() - *noticed < std::chrono::seconds(1)) continue;
    ::kill(child, SIGINT);
    noticed = Clock::time_point::max() - std::chrono::seconds(1);
  }
}

// In the new process: nothing here may take memory or a lock.
[[noreturn]] void become(char* const* argv, pid_t parent, int output) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) _exit(127);  // it ended before the line above
  if (::dup2(output, STDOUT_FILENO) >= 0 && ::dup2(output, STDERR_FILENO) >= 0) ::execv(argv[0], argv);
  _exit(127);
}

}  // namespace

bool supervise_beside(const std::string& name, const std::vector<std::string>& arguments, std::string& output,
                      const std::function<void()>& watch) {
  std::vector<std::string> copies = {path_beside(name)};
  copies.insert(copies.end(), arguments.begin(), arguments.end());
  int ends[2] = {-1, -1};
  if (copies[0].empty() || ::pipe2(ends, O_CLOEXEC) != 0) return false;
  const std::vector<char*> argv = pointers(copies);
  const pid_t parent = ::getpid(), child = ::fork();
  if (child == 0) become(argv.data(), parent, ends[1]);
  ::close(ends[1]);
  const int status = child > 0 ? wait_for(child, ends[0], &output, watch) : -1;
  ::close(ends[0]);
  return status == 0;
}

bool call_beside(const std::string& name, const std::vector<std::string>& arguments, std::string* output) {
  std::vector<std::string> copies = {path_beside(name)};
  copies.insert(copies.end(), arguments.begin(), arguments.end());
  int ends[2] = {-1, -1};
  if (copies[0].empty() || (output && ::pipe2(ends, O_CLOEXEC) != 0)) return false;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (output) posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  pid_t child = 0;
  const bool started =
      ::posix_spawn(&child, copies[0].c_str(), &actions, nullptr, pointers(copies).data(), environ) == 0;
  posix_spawn_file_actions_destroy(&actions);
  if (output) ::close(ends[1]);
  const int status = started ? wait_for(child, ends[0], output) : -1;
  if (output) ::close(ends[0]);
  return status == 0;
}

void run_beside(const std::string& name, const std::vector<std::string>& arguments) {
  const std::string path = path_beside(name);
  require(!path.empty(),
          "this command needs the program {}, which was not built beside t6; build it with 'make build' "
          "(the training wing, -DT6_TRAINING=ON)",
          name);
  std::vector<std::string> copies = arguments;
  copies.insert(copies.begin(), path);
  ::execv(path.c_str(), pointers(copies).data());
  fail("{}: cannot run: {}", path, std::strerror(errno));
}

}  // namespace t6
