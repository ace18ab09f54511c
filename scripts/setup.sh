#!/usr/bin/env bash
# Makes a Debian 12 machine ready to build and test T6: Debian packages, then a Python environment in .venv with LibTorch,
# and the sources of xgrammar in .packages, with Arrow's library of Parquet beside them where it is asked for.
# What is there already is left alone, so a second run does nothing, and needs neither root nor a network.
#
#   scripts/setup.sh [--without-torch] [--with-pip] [--with-clang] [--with-nginx] [--with-chromium] [--with-parquet] \
#                    [--with-mpi] [--with-headers] [--own-packages]
#
#   --without-torch   no .venv: the training wing is not built, or LibTorch comes from elsewhere
#   --with-pip        a Python that can make environments all the same, to fetch packages with
#   --with-clang      Clang and its libFuzzer too, for 'make fuzz'
#   --with-nginx      nginx, and --with-chromium a browser, for 'make test-clients'
#   --with-parquet    libarrow and libparquet with their headers, as pyarrow's wheel carries them
#   --with-mpi        Open MPI, to train by several processes
#   --with-headers    a Python with its headers, for 'make wheel'
#   --own-packages    do not look at Debian's packages; the build says itself what it misses
set -euo pipefail
cd "$(dirname "$0")/.."

readonly LOG=build/setup.log
readonly LAST=build/setup-last.log  # the output of the last command alone, to explain its failure by
readonly PACKAGE_LIST=scripts/debian-packages.txt
readonly STAMP=.venv/t6-setup
readonly REQUIREMENTS=(requirements.txt requirements-test.txt)
readonly XGRAMMAR=xgrammar-0.2.8
readonly XGRAMMAR_SHA256=8305646fd2b319d6c3003f51a1665e54cbbe9cba1fb636bc41d0b46434ccbb80
readonly PYARROW=pyarrow-26.0.1
readonly DISK_NEEDED_KB=$((3 * 1024 * 1024))  # .venv has 1 GB, a build folder up to 1, downloads the rest

with_torch=1
with_pip=0
with_clang=0
with_nginx=0
with_chromium=0
with_parquet=0
with_mpi=0
with_headers=0
with_packages=1
for argument in "$@"; do
  case $argument in
    --without-torch) with_torch=0 ;;
    --with-pip) with_pip=1 ;;
    --with-clang) with_clang=1 ;;
    --with-nginx) with_nginx=1 ;;
    --with-chromium) with_chromium=1 ;;
    --with-parquet) with_parquet=1 ;;
    --with-mpi) with_mpi=1 ;;
    --with-headers) with_headers=1 with_pip=1 ;;
    --own-packages) with_packages=0 ;;
    *)
      echo "usage: scripts/setup.sh [--without-torch] [--with-pip] [--with-clang] [--with-nginx] [--with-chromium]" \
        "[--with-parquet] [--with-mpi] [--with-headers] [--own-packages]" >&2
      exit 2
      ;;
  esac
done

say() { echo "setup: $*"; }
stop() { echo "setup: error: $*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }
# Runs a command, its output to the log.
logged() {
  local status=0
  "$@" >"$LAST" 2>&1 || status=$?
  { echo "== $* (status $status)"; cat "$LAST"; } >>"$LOG"
  return $status
}
last_error() { grep -E '^(E:|ERROR:)' "$LAST" | tail -n 1 | cut -c1-300; }
no_network() {
  grep -qE 'Temporary failure (in name resolution|resolving)|Could not (resolve|connect)|Network is unreachable|Connection (refused|timed out)|NewConnectionError|Failed to establish' "$LAST"
}

# A Python that can make environments; nothing if there is none yet.
find_python() {
  local candidate
  for candidate in python3.11 python3 /usr/bin/python3; do
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1; then
      echo "$candidate"
      return
    fi
  done
}

python_has_headers() {
  local python=${PYTHON:-$(find_python)}
  [[ -n $python && -f $("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h ]]
}

environment_key() { cat "${REQUIREMENTS[@]}" | sha256sum; }
environment_ready() { [[ $with_torch == 0 || ( -x .venv/bin/python && $(cat "$STAMP" 2>/dev/null) == "$(environment_key)" ) ]]; }

xgrammar_ready() { [[ -d .packages/$XGRAMMAR ]]; }
parquet_ready() { [[ $with_parquet == 0 || -d .packages/$PYARROW ]]; }

# The packages of the list that are missing or too old, one per line.
missing_packages() {
  local package minimum stand_in status version
  declare -A installed=()
  while read -r status package version; do
    [[ $status == installed ]] && installed[$package]=$version
  done < <(sed 's/#.*//' "$PACKAGE_LIST" | awk 'NF { print $1 } END { print "python3-venv" }' |
    xargs dpkg-query --show --showformat '${db:Status-Status} ${Package} ${Version}\n' 2>/dev/null)
  while read -r package minimum stand_in; do
    [[ -n $package ]] || continue
    version=${installed[$package]:-}
    if [[ -n $version ]] && dpkg --compare-versions "$version" ge "$minimum"; then continue; fi
    if [[ -n $stand_in ]] && have "$stand_in"; then continue; fi
    echo "$package"
  done < <(sed 's/#.*//' "$PACKAGE_LIST")
  if [[ $with_clang == 1 ]] && ! ls /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a >/dev/null 2>&1; then
    echo clang-16
    echo libclang-rt-16-dev
  fi
  if [[ $with_nginx == 1 ]] && ! PATH=$PATH:/usr/sbin have nginx; then echo nginx; fi
  if [[ $with_chromium == 1 ]] && ! have chromium; then echo chromium; fi
  if [[ $with_mpi == 1 ]] && ! { have mpirun && have mpicxx; }; then
    echo libopenmpi-dev
    echo openmpi-bin
  fi
  if [[ $with_headers == 1 ]] && ! python_has_headers; then echo python3-dev; fi
  if { [[ $with_pip == 1 ]] || ! environment_ready || ! xgrammar_ready || ! parquet_ready; } &&
    [[ -z $(find_python) ]]; then echo python3-venv; fi
}

require_disk_space() {
  local free
  free=$(df -Pk . | awk 'NR == 2 { print $4 }')
  if ((free < DISK_NEEDED_KB)); then
    stop "only $((free / 1024)) MB are free on the disk of $PWD and about $((DISK_NEEDED_KB / 1024)) MB are needed;" \
      "free some, or move this folder to a larger disk."
  fi
}

# How to become root: nothing for root itself, else sudo. Fails when there is no way.
root_prefix() {
  if [[ $(id -u) == 0 ]]; then return; fi
  have sudo || return 1
  if sudo -n true 2>/dev/null || [[ -t 0 ]]; then echo sudo; else return 1; fi
}

install_packages() {
  local packages=("$@") name prefix
  name=$(. /etc/os-release 2>/dev/null && echo "${ID:-} ${VERSION_ID:-}") || true
  if [[ $name != "debian 12" ]] || ! have apt-get; then
    stop "this is not Debian 12 (${name:-unknown system}), where set-up would install ${packages[*]};" \
      "install what they hold yourself, then say 'make build PACKAGES=own'."
  fi
  prefix=$(root_prefix) ||
    stop "installing Debian packages needs root and there is no usable sudo; have this run as root:" \
      "apt-get install ${packages[*]}"
  require_disk_space
  say "installing Debian packages (${#packages[@]}): ${packages[*]}"
  # RUNLEVEL and SYSTEMD_OFFLINE keep packages, nginx, from starting a service.
  # shellcheck disable=SC2206  # the prefix is one word or none
  local apt=($prefix env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 SYSTEMD_OFFLINE=1
    apt-get -o DPkg::Lock::Timeout=120 -o Acquire::Retries=2 -y)
  local install=("${apt[@]}" install --no-install-recommends "${packages[@]}")
  # The package lists may be missing (a fresh machine) or too old: then fetch them and try once more.
  if ! logged "${install[@]}"; then
    logged "${apt[@]}" update || true
    if no_network || ! logged "${install[@]}"; then
      no_network && stop "Debian's package servers cannot be reached; connect this machine to the network, or install" \
        "these from your own mirror: ${packages[*]} (details in $LOG)."
      stop "apt-get could not install the packages: $(last_error) (details in $LOG)."
    fi
  fi
}

require_compiler() {
  local compiler=${CXX:-c++} version oldest=12
  have "$compiler" || stop "the C++ compiler $compiler is not on the PATH; install g++ 12 or set CXX to one that is."
  version=$("$compiler" -dumpversion 2>/dev/null | cut -d. -f1)
  [[ $("$compiler" --version 2>/dev/null | head -n 1) == *clang* ]] && oldest=15
  [[ $version =~ ^[0-9]+$ && $version -ge $oldest ]] ||
    stop "$compiler is version ${version:-unknown}, and C++20 needs GCC 12 or Clang 15; set CXX to a newer one (CXX=g++-12)."
}

make_environment() {
  local python
  python=$(find_python)
  [[ -n $python ]] || stop "no Python 3.10 or newer that can make environments; install python3 and python3-venv."
  require_disk_space
  if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    say "making the Python environment .venv with $("$python" --version)"
    rm -rf .venv
    logged "$python" -m venv .venv || stop "$python could not make .venv: $(tail -n 1 "$LAST") (details in $LOG)."
  fi
  say "installing LibTorch (CPU build) and the test libraries into .venv; the first time this takes a few minutes"
  # --no-deps: the two files name everything, so nothing unpinned and nothing large can come along.
  logged .venv/bin/python -m pip install --disable-pip-version-check --no-input --no-deps --only-binary :all: \
    "${REQUIREMENTS[@]/#/--requirement=}" || explain_pip_failure
  logged .venv/bin/python -c 'import torch' ||
    stop "LibTorch was installed and does not load: $(tail -n 1 "$LAST") (details in $LOG)."
  environment_key >"$STAMP"
}

explain_pip_failure() {
  local otherwise="give a LibTorch of your own with 'make build TORCH=DIR', or leave the training wing out with 'make build TRAINING=OFF'"
  grep -q 'No space left on device' "$LAST" && stop "the disk is full; free about 3 GB and run this again (details in $LOG)."
  no_network && stop "pip cannot reach its package index; connect this machine to the network, point pip to a folder of" \
    "wheels with PIP_FIND_LINKS=DIR, $otherwise (details in $LOG)."
  grep -q 'No matching distribution found for torch' "$LAST" &&
    stop "pip knows no CPU build of torch 2.13.0 for this Python ($(.venv/bin/python --version)); point it to one with" \
      "PIP_FIND_LINKS (a folder or page of wheels) or PIP_EXTRA_INDEX_URL (an index of CPU wheels), $otherwise."
  stop "pip could not install the Python packages: $(last_error) (details in $LOG)."
}

# A folder to fetch into, $work, and a Python with pip, $python.
begin_fetching() {
  python=.venv/bin/python
  mkdir -p .packages
  work=$(mktemp -d "$PWD/.packages/fetch.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  if ! "$python" -m pip --version >/dev/null 2>&1; then
    python=$(find_python)
    [[ -n $python ]] || stop "no Python 3.10 or newer that can make environments; install python3 and python3-venv."
    logged "$python" -m venv "$work/environment" || stop "$python could not make an environment: $(tail -n 1 "$LAST")."
    python=$work/environment/bin/python
  fi
}

end_fetching() {
  rm -rf "$work"
  trap - EXIT
}

# The wheel is unpacked, not installed: its libraries need no Python. What is not linked with is left out.
fetch_parquet() {
  local work python
  begin_fetching
  say "fetching libparquet in $PYARROW (50 MB)"
  logged "$python" -m pip download --disable-pip-version-check --no-input --no-deps --only-binary :all: --dest "$work" \
    "${PYARROW/-/==}" || explain_parquet_failure
  logged "$python" -m zipfile --extract "$work/$PYARROW"-*.whl "$work/wheel" ||
    stop "the wheel of $PYARROW could not be unpacked: $(tail -n 1 "$LAST") (details in $LOG)."
  mkdir -p "$work/$PYARROW/pyarrow"
  mv "$work"/wheel/pyarrow/{include,libarrow.so.*,libparquet.so.*} "$work/$PYARROW/pyarrow/"
  mv "$work"/wheel/"$PYARROW".dist-info "$work/$PYARROW/"
  mv "$work/$PYARROW" .packages/
  end_fetching
}

explain_parquet_failure() {
  local otherwise="give a folder that holds its wheel with PIP_FIND_LINKS=DIR, or build without PARQUET=ON"
  no_network && stop "pip cannot reach its package index; connect this machine to the network, $otherwise."
  stop "pip could not fetch the wheel of $PYARROW: $(last_error) (details in $LOG); point pip to an index that has it," \
    "$otherwise."
}

# The source distribution comes by pip, from wherever pip is configured to look, and is checked and unpacked, not built.
fetch_xgrammar() {
  local work python
  begin_fetching
  say "fetching the sources of $XGRAMMAR (3 MB)"
  echo "${XGRAMMAR/-/==} --hash=sha256:$XGRAMMAR_SHA256" >"$work/requirements.txt"
  stand_in_for_build_backend "$work/backend"
  PYTHONPATH=$work/backend logged "$python" -m pip download --disable-pip-version-check --no-input --no-deps \
    --no-binary xgrammar --no-build-isolation --require-hashes --requirement "$work/requirements.txt" \
    --dest "$work" || explain_xgrammar_failure
  logged tar --extract --gzip --file "$work/$XGRAMMAR.tar.gz" --directory "$work" --no-same-owner \
    "$XGRAMMAR"/{LICENSE,NOTICE,cpp,include,3rdparty/picojson,3rdparty/dlpack} ||
    stop "$XGRAMMAR.tar.gz could not be unpacked: $(tail -n 1 "$LAST") (details in $LOG)."
  mv "$work/$XGRAMMAR" .packages/
  end_fetching
}

# Before pip hands over a source distribution it asks its build backend for the metadata, which would install a tool chain.
# This answers instead.
stand_in_for_build_backend() {
  mkdir -p "$1/scikit_build_core"
  touch "$1/scikit_build_core/__init__.py"
  cat >"$1/scikit_build_core/build.py" <<EOF
import pathlib
def prepare_metadata_for_build_wheel(folder, config_settings=None):
    info = pathlib.Path(folder, "$XGRAMMAR.dist-info")
    info.mkdir()
    info.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: ${XGRAMMAR%-*}\nVersion: ${XGRAMMAR#*-}\n")
    return info.name
EOF
}

explain_xgrammar_failure() {
  local otherwise="give a folder that holds $XGRAMMAR.tar.gz with PIP_FIND_LINKS=DIR, or unpack it into .packages"
  no_network && stop "pip cannot reach its package index; connect this machine to the network, or $otherwise."
  stop "pip could not fetch the source distribution of $XGRAMMAR: $(last_error) (details in $LOG);" \
    "point pip to an index that has it, or $otherwise."
}

mkdir -p build
if [[ $with_packages == 1 ]]; then
  have dpkg-query || stop "this is not a Debian system; install what $PACKAGE_LIST names yourself, then say" \
    "'make build PACKAGES=own'."
  mapfile -t missing < <(missing_packages)
  if ((${#missing[@]} > 0)); then
    install_packages "${missing[@]}"
  fi
fi
require_compiler
if ! environment_ready; then
  make_environment
  say "ready"
fi
if ! xgrammar_ready; then
  fetch_xgrammar
fi
if ! parquet_ready; then
  fetch_parquet
fi
