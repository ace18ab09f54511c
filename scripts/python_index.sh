# Sourced by scripts/fetch_*.sh: files of packages on the Python index, which are read and not installed.

stop() { echo "fetch: error: $*" >&2; exit 1; }

# new_environment FOLDER: sets `python` to that of a new environment in the folder.
new_environment() {
  python=$1/environment/bin/python
  python3 -m venv "$1/environment" >"$1/log" 2>&1 ||
    stop "python3 cannot make environments (install python3-venv): $(tail -n 1 "$1/log")"
}

# any_environment FOLDER: sets `python` to one that has pip, the set-up's where that was made.
any_environment() {
  if [[ -x .venv/bin/pip ]]; then python=.venv/bin/python; else new_environment "$1"; fi
}

# fetch_package FOLDER NAME==VERSION HASH FLAG: downloads the package's file, which has to have the hash, into the
# folder. FLAG says which file, as --only-binary=:all:.
fetch_package() {
  echo "$2 --hash=$3" >"$1/package.txt"
  "$python" -m pip download --quiet --disable-pip-version-check --no-deps "$4" --require-hashes --dest "$1" \
    --requirement "$1/package.txt" >"$1/log" 2>&1 || stop "pip could not fetch $2: $(grep -E '^ERROR' "$1/log" | tail -n 1)"
}
