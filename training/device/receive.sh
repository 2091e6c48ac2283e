#!/bin/bash
# Takes what this call carried: shards from cache/carry, on the first call also wheels, weights and code.
. "$(dirname "$0")/env.sh"
if [ ! -d "$CODE" ]; then
  mkdir -p "$CODE"
  [ -n "${LOCAL:-}" ] || $PYTHON -m pip install -q --no-index --no-deps --no-compile --no-cache-dir --target "$WORK/site" .whl/*.whl
fi
cp -r training inference voices audio assets "$CODE/"
[ -d .whl ] && cp -r .whl "$CODE/"
mv -f cache/carry/t0 "$WORK/t0" 2>/dev/null || true
cp cache/carry/* "$SHARDS/"
ls "$SHARDS" | wc -l
