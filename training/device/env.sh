# Sourced by the other scripts: Python with the carried wheels, on the lent machine or here.
set -eu
WORK="${WORK:-/tmp/menura}"
CODE="$WORK/code"
SHARDS="$WORK/shards"
CACHE="$WORK/cache"
RUN="$WORK/run"
PYTHON="${PYTHON:-python3}"
SMOKE="${SMOKE:-}"
mkdir -p "$WORK" "$SHARDS" "$CACHE" "$RUN"
export PYTHONUNBUFFERED=1
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-2}"
