#!/bin/sh
# Makes the environment with what the tests need, then runs them; arguments go to pytest. Tests against the clock
# stay together in one process, the others fill the second core (tests/conftest.py).
set -eu
cd "$(dirname "$0")"
. tools/environment.sh
case $(uname -s) in
Linux)
    prepare "[test,train]" python3-venv libportaudio2 libegl1 libgl1 libxkbcommon0 libxkbcommon-x11-0 \
        libdbus-1-3 libfontconfig1 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0 libxcb-image0 \
        libxcb-render-util0 libxcb-randr0 libxcb-xinerama0 jackd2 pulseaudio pulseaudio-utils \
        libasound2-plugins xvfb fonts-dejavu-core dbus
    ;;
*) prepare "[test,train]" ;;
esac
exec .venv/bin/python -m pytest -n 2 --dist loadgroup --no-loadscope-reorder "$@"
