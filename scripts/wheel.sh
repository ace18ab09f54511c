#!/usr/bin/env bash
# Builds the Python wheel build/wheel/t6-*.whl: installs the pinned tools into .venv-wheel, has scikit-build-core compile the
# engine and the program (build/python), and puts the libraries that other machines may lack into the wheel.
#
#   scripts/wheel.sh [--test] [--operators DIR]
#
# --test installs the wheel into .venv-wheel and runs tests/python/engine_test.py with it. --operators puts the operators of
# Torch and t6-train into the wheel too, for the minor version of the LibTorch that CMake finds in DIR; the wheel's file
# has that version as a build tag. PYTHON names the Python that the wheel is for; by default python3.11,
# else python3.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly ENVIRONMENT=.venv-wheel
readonly LOG=build/wheel.log
stop() { echo "wheel: error: $*" >&2; exit 1; }

with_test=0
libtorch=
while [[ $# -gt 0 ]]; do
  case $1 in
    --test) with_test=1 ;;
    --operators) libtorch=${2:?the folder of LibTorch is missing}; shift ;;
    *) echo "usage: scripts/wheel.sh [--test] [--operators DIR]" >&2; exit 2 ;;
  esac
  shift
done

# Torch brings its own libraries, which the operators must share with it.
settings=()
left_out=()
if [[ -n $libtorch ]]; then
  version=$(sed -n 's/^set(PACKAGE_VERSION "\([0-9]*\.[0-9]*\).*/\1/p' \
    "$libtorch"/{,share/cmake/}Torch/TorchConfigVersion.cmake 2>/dev/null) || true
  [[ -n $version ]] || stop "$libtorch holds no LibTorch (no Torch/TorchConfigVersion.cmake that names a version)."
  settings=(--config-settings=cmake.define.T6_TRAINING=ON "--config-settings=cmake.define.CMAKE_PREFIX_PATH=$libtorch"
    "--config-settings=build.targets=t6;t6_engine_python;t6_ops_library;t6-train"
    "--config-settings=wheel.build-tag=1torch$version")
  left_out=(--exclude 'libtorch*.so*' --exclude 'libc10*.so*')
fi

find_python() {
  local candidate
  for candidate in ${PYTHON:-python3.11 python3 /usr/bin/python3}; do
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1; then
      command -v "$candidate"
      return
    fi
  done
}

install_tools() {
  local python key
  python=$(find_python)
  [[ -n $python ]] || stop "${PYTHON:-python3} is no Python 3.10 or newer that can make environments (python3-venv)."
  key=$({ "$python" -V && echo "$python" && cat requirements-wheel.txt; } | sha256sum)
  [[ $(cat "$ENVIRONMENT/t6-setup" 2>/dev/null) == "$key" ]] && return
  echo "wheel: installing the tools into $ENVIRONMENT"
  rm -rf "$ENVIRONMENT" build/python
  "$python" -m venv "$ENVIRONMENT" >"$LOG" 2>&1 || stop "$python cannot make environments: $(tail -n 1 "$LOG")"
  # --no-deps: the file names everything, so nothing unpinned can come along.
  "$ENVIRONMENT/bin/pip" install --quiet --disable-pip-version-check --no-input --no-deps \
    --requirement requirements-wheel.txt >"$LOG" 2>&1 ||
    stop "pip could not install the tools: $(grep -E '^ERROR' "$LOG" | tail -n 1) (details in $LOG)"
  echo "$key" >"$ENVIRONMENT/t6-setup"
}

mkdir -p build
install_tools
PATH=$PWD/$ENVIRONMENT/bin:$PATH
export CXX=${CXX:-c++}  # as CMake itself chooses, so that ccache finds what 'make build' has compiled
rm -rf build/wheel
echo "wheel: compiling (the first time this takes as long as 'make build')"
CMAKE_BUILD_PARALLEL_LEVEL=${JOBS:-$(nproc)} pip wheel . --quiet --disable-pip-version-check --no-input --no-deps \
  --no-build-isolation ${settings[@]+"${settings[@]}"} --wheel-dir build/wheel/linked >"$LOG" 2>&1 ||
  stop "the wheel could not be built: $(grep -E 'error' "$LOG" | head -n 1) (details in $LOG)"
auditwheel repair ${left_out[@]+"${left_out[@]}"} --wheel-dir build/wheel build/wheel/linked/t6-*.whl >"$LOG" 2>&1 ||
  stop "auditwheel could not put the libraries into the wheel: $(tail -n 1 "$LOG") (details in $LOG)"
rm -r build/wheel/linked
echo "wheel: $(ls build/wheel/t6-*.whl)"

if [[ $with_test == 1 ]]; then
  pip install --quiet --disable-pip-version-check --no-input --no-deps --force-reinstall build/wheel/t6-*.whl >"$LOG" 2>&1 ||
    stop "pip could not install the wheel: $(tail -n 1 "$LOG") (details in $LOG)"
  python -B tests/python/engine_test.py
fi
