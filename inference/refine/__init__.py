"""Fine-tunes a voice from 1 to 20 minutes of its recordings, in the background. docs/refine.md says how.

`networks`, `distance`, `perturbation` and `tuner` import torch; they are imported in the job's process alone.
"""
