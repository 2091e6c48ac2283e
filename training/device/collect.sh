#!/bin/bash
# Waits up to $1 seconds for the stage named $2, then packs what there is into $OUT and shows the logs' ends.
HERE="$(cd "$(dirname "$0")" && pwd)"
. "$HERE/env.sh"
[ -e "$WORK/t0" ] || { echo "The machine is a fresh one: nothing trains here. Give it back."; exit 1; }
end=$(( $(date +%s) + $1 ))
while [ ! -e "$RUN/$2.done" ] && [ "$(date +%s)" -lt "$end" ]; do sleep 2; done
cd "$CODE"
export PYTHONPATH="$CODE:$WORK/site:${PYTHONPATH:-}"
$PYTHON -m training.pack pack "$RUN" "$WORK/packed" || true
if [ -d "$WORK/packed" ]; then cp "$WORK"/packed/*.pt "$OUT/"; fi
tar czf "$OUT/logs.tgz" -C "$RUN" $(cd "$RUN" && ls | grep -v '\.pt$\|\.tmp$')
for log in "$RUN"/*.log; do echo "== $log"; tail -n "${LINES_SHOWN:-6}" "$log" | cut -c1-600; done
ls "$RUN"; command -v nvidia-smi >/dev/null && nvidia-smi --query-gpu=utilization.gpu,memory.used --format=csv,noheader || true
