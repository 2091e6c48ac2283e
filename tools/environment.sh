# Sourced by run.sh and test.sh: makes .venv complete, and system packages where Debian's apt-get is.
# Usage: prepare "EXTRAS" PACKAGE...

find_python() {
    for candidate in "${PYTHON:-}" python3.13 python3.12 python3.11 python3; do
        [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1 || continue
        "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$candidate"; return; }
    done
    echo "Menura needs Python 3.11 or newer; install it, or set PYTHON to where it is." >&2
    return 1
}

install_system_packages() {
    command -v apt-get >/dev/null 2>&1 || return 0
    missing=
    for package in "$@"; do
        dpkg -s "$package" >/dev/null 2>&1 || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    sudo=
    [ "$(id -u)" = 0 ] || sudo=sudo
    echo "Installing system packages:$missing" >&2
    $sudo apt-get update -qq
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

prepare() {
    extras=$1
    shift
    install_system_packages "$@"
    python=$(find_python)
    [ -x .venv/bin/python ] || "$python" -m venv .venv
    stamp=.venv/.menura-$(printf %s "$extras" | tr -c 'a-z' '-')
    if [ ! -e "$stamp" ] || [ pyproject.toml -nt "$stamp" ]; then
        echo "Installing Menura into .venv (once) ..." >&2
        .venv/bin/python -m pip install -q --disable-pip-version-check \
            ${MENURA_TORCH_INDEX:+--extra-index-url "$MENURA_TORCH_INDEX"} -e ".$extras"
        touch "$stamp"
    fi
}
