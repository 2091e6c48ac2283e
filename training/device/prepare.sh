#!/bin/bash
# After the last shards: decode, label (CPU cores, in the background), cluster the teacher, train content and
# pitch side by side, then the decoder. Detached; progress in $RUN/*.log. A stage whose CUDA graph breaks the
# process is run again without graphs.
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
[ -e "$RUN/corpus.done" ] || stage corpus $PYTHON -m training.corpus "$SHARDS" "$CACHE" --workers "$WORKERS"
( [ -n "${LABELLED:-}" ] || OMP_NUM_THREADS=1 stage labels nice -n 10 $PYTHON -m training.labels "$CACHE" --workers "$WORKERS"
  stage pitch $PYTHON -m training.train_pitch "$CACHE" "$RUN" $SMOKE ) &
stage teach $PYTHON -m training.teach "$CACHE" $SMOKE
stage content $PYTHON -m training.train_content "$CACHE" "$RUN" $SMOKE
wait
LEFT=${DEADLINE:+$(( DEADLINE - $(date +%s) - 25 ))}   # DEADLINE: epoch second by which to be done
stage decoder $PYTHON -m training.train_decoder "$CACHE" "$RUN" $SMOKE ${LEFT:+--seconds $LEFT}
