#!/bin/bash
# `park.sh away` moves the tracked weights into cache/parked, where no device call carries them along unasked;
# `park.sh back` returns them. Between the two, commit nothing: git sees the files as deleted.
set -eu
cd "$(dirname "$0")/../.."
case "$1" in
  away)
    mkdir -p cache/parked
    mv training/checkpoints cache/parked/checkpoints
    mv assets/models cache/parked/models ;;
  back)
    mv cache/parked/checkpoints training/checkpoints
    mv cache/parked/models assets/models
    rmdir cache/parked ;;
esac
