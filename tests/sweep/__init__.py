import pytest

pytest.register_assert_rewrite("tests.sweep.apps")  # so that audits say what they found
