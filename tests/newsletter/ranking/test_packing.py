import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from newsletter.ranking.packing import UnreadableBytes, pack, unpack

KINDS = st.sampled_from([np.int8, np.int16, np.uint32, np.float32, np.bool_]).map(np.dtype)


@given(arrays.arrays(KINDS, arrays.array_shapes(min_side=0)), st.text(), st.lists(st.binary()))
def test_what_was_packed_is_unpacked(array, text, parts):
    blob = pack(b"TEST", 3, {"text": text}, {"a": array}, parts)
    data, found, kept = unpack(b"TEST", 3, blob)
    assert data == {"text": text}
    assert kept == parts
    assert found["a"].dtype == array.dtype
    assert np.array_equal(found["a"], array, equal_nan=array.dtype.kind == "f")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda blob: blob[:5], "too short"),
        (lambda blob: b"ELSE" + blob[4:], "do not begin"),
        (lambda blob: blob[:4] + b"\x09\x00" + blob[6:], "version 9"),
        (lambda blob: blob[:-1] + b"\x00", "damaged"),
    ],
)
def test_foreign_outdated_and_damaged_bytes_are_refused(damage, message):
    blob = pack(b"TEST", 3, {}, {"a": np.arange(4)})
    with pytest.raises(UnreadableBytes, match=message):
        unpack(b"TEST", 3, damage(blob))


def test_objects_are_refused():
    with pytest.raises(UnreadableBytes, match="unexpected type"):
        unpack(b"TEST", 3, pack(b"TEST", 3, {}, {"a": np.array(["text"])}))
