"""Every network converts to a stateful Core ML program of fixed shapes without recurrent layers."""

from __future__ import annotations

import pytest
import torch

from training.config import network_sizes
from training.coreml import convert
from training.export import example_inputs, initial_state, step_modules, trained

torch.set_num_threads(1)


@pytest.mark.parametrize("name", ["content", "pitch", "decoder", "voice"])
def test_a_step_converts_with_all_its_states(name: str) -> None:
    torch.manual_seed(0)
    sizes = network_sizes(smoke=True)
    step = step_modules(trained(None, sizes))[name]
    program = convert(step, example_inputs(name, sizes))
    description = program.get_spec().description
    assert {state.name for state in description.state} == {f"state_{key}" for key in initial_state(step)}
    assert [value.name for value in description.input] == list(example_inputs(name, sizes))
    operations = {op.op_type for f in program._mil_program.functions.values() for op in f.operations}
    assert not operations & {"lstm", "gru", "rnn", "while_loop", "cond", "complex"}
