#!/bin/bash
# A minute's rehearsal of every stage at full size on the few shards that have come: shows on the device that
# CUDA graphs capture, how fast a step is and that losses fall. Writes to $WORK/trial, which is thrown away.
. "$(dirname "$0")/env.sh"
cd "$CODE"
export PYTHONPATH="$CODE:$WORK/site:${PYTHONPATH:-}"
T="$WORK/trial"
$PYTHON -m training.corpus "${TRIAL_SHARDS:-$SHARDS}" "$T/cache"
OMP_NUM_THREADS=1 $PYTHON -m training.labels "$T/cache" &
$PYTHON -m training.teach "$T/cache" $SMOKE
$PYTHON -m training.train_content "$T/cache" "$T/run" $SMOKE --seconds 10 &
wait
$PYTHON -m training.train_pitch "$T/cache" "$T/run" $SMOKE --seconds 5
$PYTHON -m training.train_decoder "$T/cache" "$T/run" $SMOKE --seconds 24
