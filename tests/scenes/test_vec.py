"""Every operation of the vector type against NumPy, lane by lane."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenes.splats.cpu.jit import kernel
from scenes.splats.cpu.vec import (
    LANES,
    ceil_to_int,
    float_bits,
    floor_to_int,
    prefetch_read,
    prefetch_write,
    vadd_sums,
    vany,
    vexponent,
    vfloor,
    viota,
    vload,
    vload3,
    vload_columns,
    vmax,
    vmax_lane,
    vmin,
    vpow2_of_integer,
    vreciprocal,
    vselect,
    vset,
    vsqrt,
    vstore,
    vstore3,
    vstore_columns,
    vsum,
)
from scenes.splats.cpu.vec_pixels import vload_pairs, vstore_whole

OPERATIONS = 17
numbers = st.lists(st.floats(-100, 100, width=32), min_size=LANES, max_size=LANES)


@kernel()
def _operate(a, b, out):
    x = vload(a, 0)
    y = vload(b, 0)
    vstore(out[0], 0, x + y)
    vstore(out[1], 0, x - 2.5)
    vstore(out[2], 0, 3 * y)
    vstore(out[3], 0, x / (vmax(y, -y) + 1))
    vstore(out[4], 0, vmin(x, y))
    vstore(out[5], 0, vmax(x, 0.5))
    vstore(out[6], 0, vselect((x < y) & (x > 0), x, y))
    vstore(out[7], 0, vselect((x <= y) | (x == 1), 1, 0))
    vstore(out[8], 0, -x)
    vstore(out[9], 0, vsqrt(x * x))
    vstore(out[10], 0, vfloor(x))
    vstore(out[11], 0, viota() + vset(a[0]))
    vstore(out[12], 0, vreciprocal(vmax(x, -x) + 0.01))
    vstore(out[13], 0, vpow2_of_integer(vfloor(x)))
    vstore(out[14], 0, vset(vsum(x)))
    vstore(out[15], 0, vset(vmax_lane(x)))
    vstore(out[16], 0, vset(1 if vany(x > 99) else 0))
    prefetch_read(a, 0)
    prefetch_write(out[0], 0)


@given(numbers, numbers)
@settings(max_examples=40, deadline=None)
def test_every_operation_is_numpys(x_list, y_list):
    x, y = np.array(x_list, np.float32), np.array(y_list, np.float32)
    out = np.zeros((OPERATIONS, LANES), np.float32)
    _operate(x, y, out)
    wanted = [
        x + y,
        x - 2.5,
        3 * y,
        x / (np.abs(y) + 1),
        np.minimum(x, y),
        np.maximum(x, 0.5),
        np.where((x < y) & (x > 0), x, y),
        np.where((x <= y) | (x == 1), 1, 0),
        -x,
        np.abs(x),
        np.floor(x),
        np.arange(LANES) + x[0],
        1 / (np.abs(x) + 0.01),
        np.exp2(np.floor(x)),
        np.full(LANES, x.sum(dtype=np.float64)),
        np.full(LANES, x.max()),
        np.full(LANES, float((x > 99).any())),
    ]
    np.testing.assert_allclose(out, wanted, rtol=3e-6, atol=1e-4)


@kernel()
def _compare_with_nan(a, out):
    x = vload(a, 0)
    vstore(out, 0, vselect(x > 0, 1, 0) + vselect(x < 0, 1, 0) + vselect(x == x, 1, 0))


def test_a_comparison_with_nan_is_false():
    out = np.ones(LANES, np.float32)
    _compare_with_nan(np.full(LANES, np.nan, np.float32), out)
    assert not out.any()


@kernel()
def _add_three_sums(a, out):
    vadd_sums(out, 0, (vload(a[0], 0), vload(a[1], 0), vload(a[2], 0)))


@kernel()
def _add_ten_sums(a, out):
    first = (vload(a[0], 0), vload(a[1], 0), vload(a[2], 0), vload(a[3], 0), vload(a[4], 0))
    last = (vload(a[5], 0), vload(a[6], 0), vload(a[7], 0), vload(a[8], 0), vload(a[9], 0))
    vadd_sums(out, 0, first + last)


@pytest.mark.parametrize(("count", "function"), [(3, _add_three_sums), (10, _add_ten_sums)])
def test_each_vector_of_a_tuple_is_summed_and_added(count, function):
    a = np.random.default_rng(0).normal(size=(count, LANES)).astype(np.float32)
    out = np.arange(16, dtype=np.float32)
    function(a, out)
    wanted = np.arange(16.0)
    wanted[:count] += a.sum(1, dtype=np.float64)
    np.testing.assert_allclose(out, wanted, atol=1e-5)


@kernel()
def _keys(values, keys):
    for i in range(values.shape[0]):
        keys[i] = float_bits(values[i])


def test_the_bits_of_positive_numbers_sort_like_the_numbers():
    values = np.random.default_rng(1).uniform(1e-3, 1e3, 200).astype(np.float32)
    keys = np.zeros(200, np.int32)
    _keys(values, keys)
    np.testing.assert_array_equal(np.argsort(keys, kind="stable"), np.argsort(values, kind="stable"))


@kernel()
def _swap_red_and_blue(image, out):
    red, green, blue = vload3(image, 0)
    vstore3(out, 0, blue, green, red)


def test_interleaved_pixels_are_taken_apart_and_put_together():
    image = np.arange(3 * LANES, dtype=np.float32)
    out = np.zeros_like(image)
    _swap_red_and_blue(image, out)
    np.testing.assert_array_equal(out.reshape(-1, 3), image.reshape(-1, 3)[:, ::-1])


@kernel()
def _scale_columns(a, out):
    c = vload_columns(a, 0)
    factors = viota()
    first = (c[0], c[1] * factors, c[2], c[3], c[4], c[5], c[6], c[7])
    vstore_columns(out, 0, (*first, c[8], c[9], c[10], c[11], c[12], c[13], c[14], -c[15]))


def test_rows_are_loaded_and_stored_as_sixteen_columns():
    a = np.random.default_rng(2).normal(size=(LANES, 16)).astype(np.float32)
    out = np.zeros_like(a)
    _scale_columns(a.reshape(-1), out.reshape(-1))
    wanted = a.copy()
    wanted[:, 1] *= np.arange(LANES)
    wanted[:, 15] *= -1
    np.testing.assert_array_equal(out, wanted)


@kernel()
def _exponent(a, out):
    vstore(out, 0, vexponent(vload(a, 0)))


def test_the_exponent_of_a_positive_number():
    a = np.geomspace(1e-30, 1e30, LANES).astype(np.float32)
    out = np.zeros_like(a)
    _exponent(a, out)
    np.testing.assert_array_equal(out, np.floor(np.log2(a)))


@kernel()
def _round(values, floors, ceilings):
    for i in range(values.shape[0]):
        floors[i], ceilings[i] = floor_to_int(values[i]), ceil_to_int(values[i])


def test_rounding_to_whole_numbers():
    values = np.array([-2.5, -1, -0.25, 0, 0.25, 3, 7.75], np.float32)
    floors, ceilings = np.zeros(7, np.int64), np.zeros(7, np.int64)
    _round(values, floors, ceilings)
    np.testing.assert_array_equal(floors, np.floor(values))
    np.testing.assert_array_equal(ceilings, np.ceil(values))


@kernel()
def _cut(values, whole, pairs):
    firsts, seconds = vload_pairs(values, 1)
    vstore(pairs[0], 0, firsts)
    vstore(pairs[1], 0, seconds)
    vstore_whole(whole, 2, firsts)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_neighbours_are_parted_and_numbers_cut(kind):
    values = np.linspace(0.3, np.iinfo(kind).max, 2 * LANES + 1, dtype=np.float32)
    whole, pairs = np.full(LANES + 4, 7, kind), np.empty((2, LANES), np.float32)
    _cut(values, whole, pairs)
    np.testing.assert_array_equal(pairs[0], values[1::2])
    np.testing.assert_array_equal(pairs[1], values[2::2])
    np.testing.assert_array_equal(whole[2:-2], values[1::2].astype(kind))
    np.testing.assert_array_equal(whole[[0, 1, -2, -1]], 7)
