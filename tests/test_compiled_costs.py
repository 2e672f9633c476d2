"""What a compiled program costs, counted by hand in a short one as XLA prints it for a GPU."""

import pytest

from qthermo_jax.sweeping.compute.gpus import GPUS
from qthermo_jax.sweeping.compute.hlo import Cost, costs_of

# Numbers of 64 bit take 8 bytes, the counters of the loop and the flag 8 and 1.
PROGRAM = """\
HloModule jit_batch, is_scheduled=true

%fused_part (param_0: f64[10,100], param_1: s64[]) -> f64[100] {
  %param_0 = f64[10,100]{1,0} parameter(0)
  %param_1 = s64[] parameter(1)
  %constant_0 = s64[] constant(0)
  %part = f64[1,100]{1,0} dynamic-slice(%param_0, %param_1, %constant_0), dynamic_slice_sizes={1,100}
  %bitcast.1 = f64[100]{0} bitcast(%part)
  ROOT %exp = f64[100]{0} exponential(%bitcast.1)
}

%fused_change (param_0.1: f64[10,100], param_1.1: f64[100], param_2: s64[]) -> f64[10,100] {
  %param_0.1 = f64[10,100]{1,0} parameter(0)
  %param_1.1 = f64[100]{0} parameter(1)
  %row = f64[1,100]{1,0} bitcast(%param_1.1)
  %param_2 = s64[] parameter(2)
  %constant_1 = s64[] constant(0)
  ROOT %changed = f64[10,100]{1,0} dynamic-update-slice(%param_0.1, %row, %param_2, %constant_1)
}

%body (state: (s64[], f64[10,100])) -> (s64[], f64[10,100]) {
  %state = (s64[], f64[10,100]{1,0}) parameter(0)
  %place = s64[] get-tuple-element(%state), index=0
  %rows = f64[10,100]{1,0} get-tuple-element(%state), index=1
  %exps = f64[100]{0} fusion(%rows, %place), kind=kLoop, calls=%fused_part
  %changed.1 = f64[10,100]{1,0} fusion(%rows, %exps, %place), kind=kLoop, calls=%fused_change
  ROOT %next = (s64[], f64[10,100]{1,0}) tuple(%place, %changed.1)
}

%condition (state.1: (s64[], f64[10,100])) -> pred[] {
  %state.1 = (s64[], f64[10,100]{1,0}) parameter(0)
  ROOT %more = pred[] constant(true)
}

%easy (all: f64[10,100]) -> f64[10,100] {
  ROOT %all = f64[10,100]{1,0} parameter(0)
}

%hard (all.1: f64[10,100]) -> f64[10,100] {
  %all.1 = f64[10,100]{1,0} parameter(0)
  ROOT %copied = f64[10,100]{1,0} copy(%all.1)
}

ENTRY %main (rates: f64[10,100], flag: pred[]) -> (f64[10,100], f64[10,10]) {
  %rates = f64[10,100]{1,0} parameter(0)
  %flag = pred[] parameter(1)
  %zero = s64[] constant(0)
  %begin = (s64[], /*index=1*/f64[10,100]{1,0}) tuple(%zero, %rates)
  %loop = (s64[], f64[10,100]{1,0}) while(%begin), condition=%condition, body=%body, \
backend_config={"known_trip_count":{"n":"7"}}
  %found = f64[10,100]{1,0} get-tuple-element(%loop), index=1
  %chosen = f64[10,100]{1,0} conditional(%flag, %found, %found), \
true_computation=%hard, false_computation=%easy
  %product = f64[10,10]{1,0} dot(%chosen, %chosen), lhs_contracting_dims={1}, rhs_contracting_dims={1}
  ROOT %both = (f64[10,100]{1,0}, f64[10,10]{1,0}) tuple(%chosen, %product)
}
"""

# A step reads a row and its place, and writes another; then it reads both, and writes the row there.
STEP = Cost(2, (800 + 8 + 800) + (800 + 8 + 800), 20 * 100)
PRODUCT = Cost(1, 2 * 8000 + 800, 10 * 10 * 100)
COPY = Cost(1, 2 * 8000, 0)


def added(*costs: Cost) -> Cost:
    return Cost(*map(sum, zip(*costs, strict=True)))


def test_each_kernel_counts_with_what_it_reads_and_writes() -> None:
    least, most = costs_of(PROGRAM)
    assert least == added(*[STEP] * 7, PRODUCT)
    assert most == added(*[STEP] * 7, COPY, PRODUCT)


def test_a_loop_that_something_computed_ends_counts_not_at_all_or_once() -> None:
    least, most = costs_of(PROGRAM.replace('{"known_trip_count":{"n":"7"}}', "{}"))
    assert least == PRODUCT
    assert most == added(STEP, COPY, PRODUCT)


@pytest.mark.parametrize("gpu", GPUS)
@pytest.mark.parametrize(("bits", "teraflops"), [(64, 33.5), (32, 66.9)])
def test_a_gpu_has_the_arithmetic_of_its_data_sheet(gpu: str, bits: int, teraflops: float) -> None:
    """It counts two operations for each instruction, which are a multiplication and an addition."""
    assert 2 * GPUS[gpu].operations_in_a_second(bits) == pytest.approx(teraflops * 1e12, rel=0.01)
