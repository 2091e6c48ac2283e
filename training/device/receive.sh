#!/bin/bash
# Takes in what a call carried: $1 is the folder made by calls.py, with whl, checkpoints and shards in it.
# Wheels are installed when they come.
. "$(dirname "$0")/env.sh"
mkdir -p "$CODE/.whl"
[ -e "$WORK/t0" ] || date +%s >"$WORK/t0"
[ -d "$1/code" ] && tar xzf "$1/code/code.tgz" -C "$CODE"
if [ -d "$1/whl" ]; then
  cp "$1"/whl/* "$CODE/.whl/"
  [ -n "${LOCAL:-}" ] || ! ls "$1"/whl/*.whl >/dev/null 2>&1 ||
    $PYTHON -m pip install -q --no-index --no-deps --no-compile --no-cache-dir --target "$WORK/site" "$1"/whl/*.whl
fi
mkdir -p "$WORK/checkpoints"
[ -d "$1/checkpoints" ] && cp "$1"/checkpoints/* "$WORK/checkpoints/"
[ -d "$1/shards" ] && cp "$1"/shards/* "$SHARDS/"
echo "shards $(ls "$SHARDS" | wc -l), wheels and encoders $(ls "$CODE/.whl" | wc -l), checkpoints $(ls "$WORK/checkpoints" | wc -l)"
