#!/bin/bash
# `park.sh away` moves the tracked weights into cache/parked and leaves links, which a device call carries as links:
# everything here goes on working meanwhile. `park.sh back` returns them. Between the two, commit no weights.
set -eu
cd "$(dirname "$0")/../.."
PARKED="$PWD/cache/parked"
case "$1" in
  away)
    mkdir -p "$PARKED/checkpoints" "$PARKED/models"
    for file in training/checkpoints/*.pt; do mv "$file" "$PARKED/checkpoints/"; ln -s "$PARKED/checkpoints/${file##*/}" "$file"; done
    for file in assets/models/*.onnx; do mv "$file" "$PARKED/models/"; ln -s "$PARKED/models/${file##*/}" "$file"; done ;;
  back)
    mv -f "$PARKED"/checkpoints/*.pt training/checkpoints/
    mv -f "$PARKED"/models/*.onnx assets/models/
    rmdir "$PARKED/checkpoints" "$PARKED/models" "$PARKED" ;;
esac
