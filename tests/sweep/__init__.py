import pytest

pytest.register_assert_rewrite("tests.sweep.apps")  # so that a failed audit shows its values
