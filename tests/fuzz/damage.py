"""Strategies that damage bytes as disks and transfers do."""

from collections.abc import Callable

from hypothesis import strategies as st

Damage = Callable[[bytes], bytes]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)


@st.composite
def damages(draw: st.DrawFn) -> Damage:
    """Draw one to three of: flip a bit, cut the end, lose, insert, overwrite or double bytes."""
    kinds = st.sampled_from(["flip", "cut", "lose", "insert", "overwrite", "double"])
    steps = draw(
        st.lists(st.tuples(kinds, st.floats(0, 1), st.integers(1, 64)), min_size=1, max_size=3)
    )
    filling = draw(st.binary(min_size=1, max_size=8) | st.just(b"\0" * 16))

    def apply(content: bytes) -> bytes:
        for kind, share, size in steps:
            content = _damaged(content, kind, int(share * len(content)), size, filling)
        return content

    return apply


def _damaged(content: bytes, kind: str, at: int, size: int, filling: bytes) -> bytes:
    head, tail = content[:at], content[at:]
    match kind:
        case "flip":
            return head + bytes(byte ^ (1 << size % 8) for byte in tail[:1]) + tail[1:]
        case "cut":
            return head
        case "lose":
            return head + tail[size:]
        case "insert":
            return head + filling + tail
        case "overwrite":
            return head + filling + tail[len(filling) :]
    return head + tail[:size] + tail
