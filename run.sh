#!/bin/sh
# Makes the environment if need be, then runs Menura: the studio, or the command given.
set -eu
cd "$(dirname "$0")"
. tools/environment.sh
case $(uname -s) in
Linux)
    prepare "" python3-venv libportaudio2 libegl1 libgl1 libxkbcommon0 libxkbcommon-x11-0 libdbus-1-3 \
        libfontconfig1 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0 libxcb-image0 \
        libxcb-render-util0 libxcb-randr0 libxcb-xinerama0 pulseaudio-utils libasound2-plugins
    ;;
*) prepare "" ;;
esac
exec .venv/bin/menura "$@"
