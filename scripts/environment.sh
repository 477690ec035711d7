# Sourced by the other scripts: makes .venv with the project in it and activates it. Arguments: extras, for example dev.
# Uses uv, which it puts into .venv when the machine has none, and pip where that fails. Needs Python 3.11 or newer.
environment() {
  local extras=${1:-} stamp want
  if [ ! -x .venv/bin/python ]; then
    if command -v uv >/dev/null 2>&1; then
      uv venv --quiet --seed --python '>=3.11,<3.14' .venv
    else
      local python
      for python in python3.13 python3.12 python3.11 python3; do
        if "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then break; fi
        python=""
      done
      [ -n "$python" ] || { echo "mlestar needs Python 3.11, 3.12 or 3.13 on the PATH" >&2; return 1; }
      "$python" -m venv .venv
    fi
  fi
  # shellcheck disable=SC1091
  . .venv/bin/activate
  stamp=.venv/installed${extras:+-$extras}
  want=$(cat pyproject.toml requirements.txt)
  if [ "$(cat "$stamp" 2>/dev/null)" != "$want" ]; then
    echo "Installing mlestar${extras:+ with its $extras extra} into .venv (once) ..."
    if command -v uv >/dev/null 2>&1 || python -m pip install --quiet --disable-pip-version-check uv 2>/dev/null; then
      uv pip install --quiet --compile-bytecode --editable ".${extras:+[$extras]}"
    else
      python -m pip install --quiet --disable-pip-version-check --editable ".${extras:+[$extras]}"
    fi
    printf '%s\n' "$want" >"$stamp"
  fi
}
