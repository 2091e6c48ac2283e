#!/bin/bash
# After the last shards, detached: decode, then two chains side by side: teacher and content; labels, pitch and
# decoder (which gets ready while content still trains). $WORK/t0 holds the epoch second at which the machine was
# asked for: CONTENT_END and DECODER_END are seconds after it. A stage that breaks is run again without graphs.
# Where checkpoints have come, every stage goes on from them at the share RESUME_AT of its schedule.
. "$(dirname "$0")/env.sh"
cd "$CODE"
export PYTHONPATH="$CODE:$WORK/site:${PYTHONPATH:-}"
stage() {
  local name="$1"; shift
  "$@" >>"$RUN/$name.log" 2>&1 || { echo "$name failed, again without graphs" >>"$RUN/$name.log"
    MENURA_NO_GRAPH=1 "$@" >>"$RUN/$name.log" 2>&1; }
  echo "done $(date +%T)" >"$RUN/$name.done"
}
WORKERS="${WORKERS:-14}"
if [ -e "$WORK/t0" ] && [ -n "${CONTENT_END:-}" ]; then
  T0=$(cat "$WORK/t0")
  CONTENT_UNTIL="--until $(( T0 + CONTENT_END ))"
  DECODER_UNTIL="--until $(( T0 + DECODER_END ))"
fi
RESUME=""
if ls "$WORK"/checkpoints/*.pt >/dev/null 2>&1; then
  stage unpack $PYTHON -m training.pack unpack "$WORK/checkpoints" "$RUN"
  RESUME="--resume --resume-at ${RESUME_AT:-0.3}"
fi
stage corpus $PYTHON -m training.corpus "$SHARDS" "$CACHE" --workers "$WORKERS"
( OMP_NUM_THREADS=1 stage labels nice -n 10 $PYTHON -m training.labels "$CACHE" --workers "$WORKERS"
  stage pitch $PYTHON -m training.train_pitch "$CACHE" "$RUN" $SMOKE $RESUME
  stage decoder $PYTHON -m training.train_decoder "$CACHE" "$RUN" --after "$RUN/content.done" "$RUN/pitch.done" \
    $SMOKE $RESUME ${DECODER_UNTIL:-} ) &
stage teach $PYTHON -m training.teach "$CACHE" $SMOKE
stage content $PYTHON -m training.train_content "$CACHE" "$RUN" $SMOKE $RESUME ${CONTENT_UNTIL:-}
wait
